/** What calling a group returns: its members' results, in the order of the call. Whatever reads them is still to come. */
export interface GroupResult<Results extends readonly unknown[] = readonly unknown[]> {
  readonly id: string;
  /** Undefined where its members are a stream. */
  readonly size: number | undefined;
  /** Type only. */
  readonly "~results"?: Results;
}
