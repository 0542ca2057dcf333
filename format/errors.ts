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
    const [where, what] = [clipped(place, MAX_PLACE), clipped(problem, MAX_PROBLEM)];
    super(`${where}: ${what}`);
    this.place = where;
    this.problem = what;
  }
}

/**
 * The fault of a client: its request breaks the contract. `place` is a path within the body, such as `records[3].age`.
 * A server tells the client; any other FormatError is about what the server itself has read.
 */
export class RequestError extends FormatError {
  override readonly name = "RequestError";
  /** All that was found wrong, in the order of the body: the error itself, and what was found beside it. */
  readonly all: readonly FormatError[];

  constructor(place: string, problem: string, others: readonly FormatError[] = []) {
    super(place, problem);
    this.all = [this, ...others];
  }

  /** Throws one RequestError for all of `errors`, unless there are none. */
  static throwAll([first, ...others]: readonly FormatError[]): void {
    if (first) throw new RequestError(first.place, first.problem, others);
  }

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

/** Characters of a place: the names in it may be a client's, as long as its request. */
export const MAX_PLACE = 200;

/** Characters of a problem. The longest of our own sentences, which list what was expected, have some 300. */
const MAX_PROBLEM = 1000;

/** Characters of a value that an error quotes. */
const MAX_SHOWN = 60;

/**
 * At most `length` characters of a text: its beginning, and "..." where more was cut off. The result does not hold on
 * to the whole text.
 */
export function clipped(text: string, length: number): string {
  if (text.length <= length) return text;
  // A slice of a long text keeps all of it in memory; what JSON makes of the slice does not.
  return JSON.parse(JSON.stringify(`${text.slice(0, length - 3)}...`));
}

/**
 * A value as an error shows it: short, and with its type plain to see. It costs no more than it shows, whatever the
 * size and depth of the value.
 */
export function show(value: unknown): string {
  return clipped(asText(value, MAX_SHOWN), MAX_SHOWN);
}

/** JSON of a value, which may stop anywhere beyond `length` characters. */
function asText(value: unknown, length: number): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, Math.max(0, length)));
  // JSON would write NaN and the infinities as null, and has no bigint, whose digits would look like a number's.
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value !== "object" || value === null) return String(value);
  const isList = Array.isArray(value);
  let text = isList ? "[" : "{";
  for (const [name, inner] of isList ? value.entries() : members(value)) {
    if (text.length > length) return text;
    if (text.length > 1) text += ",";
    if (typeof name === "string") text += `${asText(name, length - text.length)}:`;
    text += asText(inner, length - text.length);
  }
  return text + (isList ? "]" : "}");
}

function* members(value: object): Generator<[string, unknown]> {
  for (const name in value) if (Object.hasOwn(value, name)) yield [name, (value as Record<string, unknown>)[name]];
}
