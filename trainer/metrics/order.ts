/** [N]: one number for each record, such as its logit, its probability or its sample weight. */
export type Floats = Float32Array | Float64Array;

/** Bits of a digit of the radix sort. */
const DIGIT_BITS = 16;
const SIGN = 0x8000;

/**
 * [N]: record numbers in ascending order of score. Records of equal score keep their order, but −0 comes before 0, and
 * NaN has no defined place. A radix sort: a million float32 take 0.3 s of CPU, where a sort by comparison takes 0.8 s.
 */
export function orderByScore(scores: Floats): Uint32Array {
  const digits = (8 * scores.BYTES_PER_ELEMENT) / DIGIT_BITS;
  const keys = sortableDigits(scores, digits);
  let order = new Uint32Array(scores.length);
  for (let i = 0; i < order.length; i++) order[i] = i;
  let next = new Uint32Array(scores.length);
  for (let digit = 0; digit < digits; digit++) {
    const places = new Uint32Array(2 ** DIGIT_BITS);
    for (let i = digit; i < keys.length; i += digits) places[keys[i]] = places[keys[i]] + 1;
    let before = 0;
    for (let value = 0; value < places.length; value++) {
      const count = places[value];
      places[value] = before;
      before += count;
    }
    for (const record of order) {
      const value = keys[record * digits + digit];
      const place = places[value];
      next[place] = record;
      places[value] = place + 1;
    }
    [order, next] = [next, order];
  }
  return order;
}

/**
 * The scores as unsigned integers that have the same order, in digits of 16 bits, the lowest first. The bits of IEEE
 * 754 numbers of one sign are in order as integers; so positive ones get their sign bit set, negative ones all bits
 * inverted.
 */
function sortableDigits(scores: Floats, digits: number): Uint16Array {
  const keys = new Uint16Array(scores.slice().buffer);
  for (let top = digits - 1; top < keys.length; top += digits) {
    if (keys[top] < SIGN) keys[top] = keys[top] | SIGN;
    else for (let i = top - digits + 1; i <= top; i++) keys[i] = ~keys[i];
  }
  return keys;
}

/** The records of a log in G groups, and inside each in ascending order of score. */
export interface GroupedOrder {
  /** Record numbers, [N]. */
  order: Uint32Array;
  /** Where each group starts in `order`, and the end, [G + 1]. */
  starts: Uint32Array;
}

/** Sorts records by group, then by score. `groups`: for each record a number below `count`. */
export function orderByGroup(scores: Floats, groups: Uint32Array, count: number): GroupedOrder {
  if (groups.length !== scores.length)
    throw new Error(`got groups of ${groups.length} records, expected ${scores.length}`);
  const starts = new Uint32Array(count + 1);
  for (const group of groups) starts[group + 1] = starts[group + 1] + 1;
  for (let g = 0; g < count; g++) starts[g + 1] = starts[g + 1] + starts[g];
  const next = starts.slice(0, count);
  const order = new Uint32Array(scores.length);
  for (const record of orderByScore(scores)) {
    const group = groups[record];
    const place = next[group];
    order[place] = record;
    next[group] = place + 1;
  }
  return { order, starts };
}

/** The end of the records in `order`, from `start` on and at most to `end`, that share one score. */
export function endOfTie(scores: Floats, order: Uint32Array, start: number, end: number): number {
  const score = scores[order[start]];
  let next = start + 1;
  while (next < end && scores[order[next]] === score) next++;
  return next;
}
