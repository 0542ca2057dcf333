/** Takes JSON from `bytes[at]` on, before `end`. Returns the position after it; -1 where it takes none. */
export type TakeJson = (bytes: Uint8Array, at: number, end: number) => number;

/** A value of JSON that is parsed once it is asked for, as a scorer may take the JSON itself. */
export abstract class Unparsed {
  /** Throws what parsing throws. */
  abstract readonly value: unknown;
  /** Hands the value to `see`, unless it was let go of. Throws what parsing and `see` throw. */
  abstract check(see: (value: unknown) => void): void;
  /** Hands the JSON to `take`; returns whether it has taken all of it. */
  abstract takeJson(take: TakeJson): boolean;
}

/** A value as it is, or what an Unparsed one is parsed to. */
export function parsed(value: unknown): unknown {
  return value instanceof Unparsed ? value.value : value;
}
