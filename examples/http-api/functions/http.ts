// The parts of API Gateway's HTTP API (payload format 2.0) that the two functions read, and what they answer.

export interface HttpEvent {
  readonly pathParameters?: Readonly<Record<string, string | undefined>>;
  readonly body?: string;
  /** Whatever is not sent as text or JSON arrives so. */
  readonly isBase64Encoded: boolean;
}

export interface HttpAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function answer(
  statusCode: number,
  content: unknown,
  headers: Readonly<Record<string, string>> = {},
): HttpAnswer {
  return {
    statusCode,
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(content),
  };
}

/** The request's JSON; undefined where it is none. */
export function jsonOf({ body = "", isBase64Encoded }: HttpEvent): unknown {
  try {
    return JSON.parse(isBase64Encoded ? Buffer.from(body, "base64").toString() : body);
  } catch {
    return undefined;
  }
}
