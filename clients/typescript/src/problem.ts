/** An error of one field: the path in the body, as `profile.bio`, and a sentence. */
export interface FieldError {
  field: string;
  code: string;
  detail: string;
}

/** A failure of the server (RFC 9457), or of the connection to it (`reason` OFFLINE). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly reason: string,
    detail: string,
    readonly errors: FieldError[] = [],
    readonly requestId = "",
  ) {
    super(detail);
  }

  /** The sentences about this field. */
  of(field: string): string {
    return this.errors.filter((error) => error.field === field).map((error) => error.detail).join(" ");
  }
}

const OFFLINE = "The server cannot be reached. Check the connection and try again.";

/** Return the problem that this error body, response or exception is. */
export function problemOf(cause: unknown, response?: Response): Problem {
  if (cause instanceof Problem) return cause;
  if (isDocument(cause)) {
    const errors = (cause.errors ?? []).map(({ pointer, code, detail }) => ({
      field: decodeURIComponent(pointer.replace(/^#\/?/, "")).replaceAll("/", "."),
      code,
      detail,
    }));
    return new Problem(cause.status, cause.reason, cause.detail, errors, cause.request_id);
  }
  if (response) return new Problem(response.status, "UNAVAILABLE", `The server answered ${response.status}. Try again.`);
  return new Problem(0, "OFFLINE", OFFLINE);
}

interface ProblemDocument {
  status: number;
  reason: string;
  detail: string;
  errors?: { pointer: string; code: string; detail: string }[];
  request_id?: string;
}

function isDocument(cause: unknown): cause is ProblemDocument {
  return typeof cause === "object" && cause !== null && "reason" in cause && "detail" in cause;
}

/** Return the data of a call of the client, or throw its Problem. */
export async function unwrap<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  let answer;
  try {
    answer = await call;
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw problemOf(cause);
  }
  if (!answer.response.ok) throw problemOf(answer.error, answer.response);
  return answer.data as T;
}
