import { FormatError } from "../format/errors.ts";

/** A request asks for more than it may, so that the rest of it is not looked at. */
export class LimitError extends FormatError {}

/** A list that may be gone through more than once: an array, or one that makes its elements anew each time. */
export interface Listed<Item> extends Iterable<Item> {
  readonly length: number;
  /** Hands each element to a reader: for lists of JSON that is not parsed yet. */
  readEach?(reader: ElementReader): void;
  /**
   * Hands the JSON of its elements to `take`, in the parts that it has, as long as `take` takes all of a part; returns
   * whether it has taken them all. `take` gets elements that begin at `bytes[at]`, with commas between them, and end
   * before `end`, and returns the position after the last one that it has taken; -1 where it took none.
   */
  takeJson?(take: (bytes: Uint8Array, at: number, end: number) => number): boolean;
}

/** Takes the elements of a list, in their order. */
export interface ElementReader {
  /** How many it has taken. */
  readonly taken: number;
  /**
   * Takes elements whose JSON begins at `bytes[at]`, with commas between them, and ends before `end`, as many as it
   * likes. Returns the position after the last one; -1 where it took none. What is left it is to be handed as
   * JSON.parse makes it.
   */
  fromJson(bytes: Uint8Array, at: number, end: number): number;
  fromValue(value: unknown): void;
}

export function readEach(list: Listed<unknown>, reader: ElementReader): void {
  if (list.readEach) list.readEach(reader);
  else for (const value of list) reader.fromValue(value);
}

/** What bounds the work of a request that may be anything. */
export interface EncodingLimits {
  /** The most values. */
  maxEntries?: number;
  /** The most cells, records × fields. Each has room for a value before anything is encoded. */
  maxCells?: number;
  /** The most pages that are named. The rows of others count as missing. */
  maxPages?: number;
  /** Told how many bytes of memory the encoded records are to take, before they do. It may throw. */
  reserve?: (bytes: number) => void;
}

export const NO_LIMITS: Required<EncodingLimits> = {
  maxEntries: Number.POSITIVE_INFINITY,
  maxCells: Number.POSITIVE_INFINITY,
  maxPages: Number.POSITIVE_INFINITY,
  reserve() {},
};
