// What the store is filled with: ten outings of fourteen ducklings each, some of which have no handle.

export interface Outing {
  readonly id: number;
  readonly title: string;
  readonly place: string;
  /** Hour of the day, which the poster's light follows. */
  readonly hour: number;
}

export interface Participant {
  readonly id: number;
  readonly outingId: number;
  readonly name: string;
  readonly handle: string | null;
}

const PLANS: readonly (readonly [title: string, place: string, hour: number])[] = [
  ["First swim", "the mill pond", 6],
  ["Breakfast parade", "the reed bank", 8],
  ["Diving lesson", "the deep end", 11],
  ["Picnic", "the little island", 12],
  ["Regatta", "the canal", 14],
  ["Choir practice", "the old bridge", 16],
  ["Sunset cruise", "the west shore", 18],
  ["Lantern float", "the boat house", 19],
  ["Owl watching", "the willow", 21],
  ["Star gazing", "the quiet bay", 23],
];

const NAMES = ["Ada", "Bo", "Cleo", "Dot", "Emil", "Fay", "Gus", "Hedy", "Ivo", "June", "Kit", "Lou", "May", "Ned"];

export const OUTINGS: readonly Outing[] = PLANS.map(([title, place, hour], i) => ({ id: i + 1, title, place, hour }));

export const PARTICIPANTS: readonly Participant[] = OUTINGS.flatMap(({ id: outingId }) =>
  NAMES.map((name, i) => {
    const id = (outingId - 1) * NAMES.length + i + 1;
    return { id, outingId, name, handle: id % 18 === 0 ? null : `@${name.toLowerCase()}${outingId}` };
  }),
);
