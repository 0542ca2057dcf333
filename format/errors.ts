/**
 * Input that breaks the contract: a file, a spec, a blob, a page or a record. `place` says where, as a path that its
 * author recognizes (`fields[3].encoding`, `records[0].age`, `blob: section ROWS`). The message names what was got and
 * what was expected.
 */
export class FormatError extends Error {
  override readonly name: string = "FormatError";
  readonly place: string;
  readonly problem: string;

  constructor(place: string, problem: string) {
    super(`${place}: ${problem}`);
    this.place = place;
    this.problem = problem;
  }
}

/**
 * The fault of a client: its request breaks the contract. `place` is a path within the body, such as `records[3].age`.
 * A server tells the client; any other FormatError is about what the server itself has read.
 */
export class RequestError extends FormatError {
  override readonly name = "RequestError";

  /** Runs `read` over what a client sent: a FormatError that it throws becomes a RequestError. */
  static during<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (error instanceof FormatError) throw new RequestError(error.place, error.problem);
      throw error;
    }
  }
}

/** A value as an error shows it: short, and with its type plain to see. */
export function show(value: unknown): string {
  const text = asText(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function asText(value: unknown): string {
  // JSON would write NaN and the infinities as null.
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  try {
    return JSON.stringify(value, (_key, inner) => (typeof inner === "bigint" ? String(inner) : inner)) ?? String(value);
  } catch {
    return typeof value; // a cycle
  }
}
