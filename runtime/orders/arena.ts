/** Numbers of an arena at most: those of lists of some 500 candidates. Longer lists have arrays of their own. */
const LENGTH = 2 ** 13;

const doubles = new Float64Array(LENGTH);
const integers = new Int32Array(LENGTH);
let usedDoubles = 0;
let usedIntegers = 0;

/**
 * Gives all arrays back, for an order that begins: nothing of it is awaited, so that no other is under way. An array of
 * its own for each purpose would take as long as all that is computed in it, as each is memory outside of the engine's.
 */
export function newArena(): void {
  usedDoubles = 0;
  usedIntegers = 0;
}

/** Room for n numbers, until the next order. What is in them is left over from others. */
export function doublesOf(n: number): Float64Array {
  if (usedDoubles + n > LENGTH) return new Float64Array(n);
  usedDoubles += n;
  return doubles.subarray(usedDoubles - n, usedDoubles);
}

/** Room for n integers, as of numbers. */
export function integersOf(n: number): Int32Array {
  if (usedIntegers + n > LENGTH) return new Int32Array(n);
  usedIntegers += n;
  return integers.subarray(usedIntegers - n, usedIntegers);
}

/** n zeros. */
export function zerosOf(n: number): Int32Array {
  return integersOf(n).fill(0);
}
