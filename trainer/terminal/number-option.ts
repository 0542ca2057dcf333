import { InvalidArgumentError } from "commander";

/** A parser of an option that is a number of `low` to `high`. */
export function numberWithin(low: number, high: number): (text: string) => number {
  return (text) => {
    const x = Number(text);
    if (text.trim() === "" || !(x >= low && x <= high))
      throw new InvalidArgumentError(`got ${text}, expected a number of ${low} to ${high}`);
    return x;
  };
}

/** A parser of an option that is an integer of `low` to `high`. */
export function integerWithin(low: number, high: number): (text: string) => number {
  return (text) => {
    const x = Number(text);
    if (text.trim() === "" || !Number.isInteger(x) || x < low || x > high)
      throw new InvalidArgumentError(`got ${text}, expected an integer of ${low} to ${high}`);
    return x;
  };
}

/** Parses an option that is a port of TCP. */
export const parsePort = integerWithin(1, 65_535);
