import { InvalidArgumentError } from "commander";

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/**
 * The number that a text is, as people write it, with an exponent too; NaN for all else, of which Number() makes one
 * of "", " 5", "0x10" and "Infinity".
 */
export function decimalOf(text: string): number {
  return DECIMAL.test(text) ? Number(text) : Number.NaN;
}

/** A parser of an option that is a number of `low` to `high`. */
export function numberWithin(low: number, high: number): (text: string) => number {
  return (text) => {
    const x = decimalOf(text);
    if (!(x >= low && x <= high)) throw new InvalidArgumentError(`got ${text}, expected a number of ${low} to ${high}`);
    return x;
  };
}

/** A parser of an option that is an integer of `low` to `high`. */
export function integerWithin(low: number, high: number): (text: string) => number {
  return (text) => {
    const x = decimalOf(text);
    if (!Number.isInteger(x) || x < low || x > high)
      throw new InvalidArgumentError(`got ${text}, expected an integer of ${low} to ${high}`);
    return x;
  };
}

/** Parses an option that is a port of TCP. */
export const parsePort = integerWithin(1, 65_535);
