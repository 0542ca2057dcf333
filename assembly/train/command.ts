// What the threads of an engine share of a command: a kernel to compute, its arguments, and how its work is cut into
// parts. A command lies in a block of the shared memory, whose address each thread knows.

/** Bytes of a block. What threads wait on or count in has a cache line of its own. */
export const BLOCK_BYTES: usize = 768;
/** u64: the call that members came by (32 bits), the first part that nobody has taken and their end (16 each). */
export const TICKET: usize = 0;
/** u32: parts that are computed. */
export const DONE: usize = 64;
/** u32: 1 while the leading thread sleeps until the last part is computed. */
export const LEADER_SLEEPS: usize = 68;
/** u32: changes with each command that finds threads asleep, which wait on it. */
export const WAKE: usize = 128;
/** u32: threads that are asleep, or about to be. */
export const SLEEPERS: usize = 132;
/** u32: the number of the call by which members are to look for commands; 0 while none are. */
export const CALL: usize = 136;
/** u32: 1 when a thread has failed. */
export const FAILED: usize = 140;
const OPERATION: usize = 192;
/** u32: the number of parts. */
export const PARTS: usize = 196;
const ITEMS: usize = 200;
const PER_PART: usize = 208;
/** u32: 1 where the first part is none of items. */
const EXTRA: usize = 216;
const ARGUMENTS: usize = 256;
/** f64: what each part has summed, where a kernel returns a sum. */
const SUMS: usize = BLOCK_BYTES;

/** The most parts of a command. */
export const MAX_PARTS: usize = 64;
/** Operations that a part has at least, if the command has them. */
let leastWork: usize = 1;

/** Where the team's block is; 0 before there is one. */
export let team: usize = 0;

export function setTeam(address: usize): void {
  team = address;
}

export function setLeastWork(work: usize): void {
  leastWork = work;
}

/** Bytes of a block with the sums behind it. */
export function blockBytes(): usize {
  return BLOCK_BYTES + 8 * MAX_PARTS;
}

export function put(index: usize, value: usize): void {
  store<usize>(team + ARGUMENTS + 8 * index, value);
}

export function put4(index: usize, a: usize, b: usize, c: usize, d: usize): void {
  put(index, a);
  put(index + 1, b);
  put(index + 2, c);
  put(index + 3, d);
}

export function putNumber(index: usize, value: f64): void {
  store<f64>(team + ARGUMENTS + 8 * index, value);
}

export function get(index: usize): usize {
  return load<usize>(team + ARGUMENTS + 8 * index);
}

export function getNumber(index: usize): f64 {
  return load<f64>(team + ARGUMENTS + 8 * index);
}

/**
 * Cuts `items`, each of so much work, into parts of a multiple of `step` items. The parts depend on these numbers
 * alone, so that sums over parts are the same whatever threads there are. With `extra` there is a part before them, of
 * other work that one thread does meanwhile. Returns how many there are.
 */
export function cut(operation: u32, items: usize, work: usize, step: usize, extra: bool): usize {
  const least = max((items + MAX_PARTS - 1) / MAX_PARTS, (leastWork + work - 1) / max<usize>(work, 1));
  const perPart = ((least + step - 1) / step) * step;
  store<u32>(team + OPERATION, operation);
  store<usize>(team + ITEMS, items);
  store<usize>(team + PER_PART, perPart);
  store<u32>(team + EXTRA, extra ? 1 : 0);
  return (items + perPart - 1) / perPart + (extra ? 1 : 0);
}

export function operation(): u32 {
  return load<u32>(team + OPERATION);
}

/** Whether a part is the one before those of items. */
export function isExtra(part: usize): bool {
  return part === 0 && load<u32>(team + EXTRA) !== 0;
}

/** The first item of a part. */
export function firstOf(part: usize): usize {
  return (part - load<u32>(team + EXTRA)) * load<usize>(team + PER_PART);
}

/** How many items a part has. */
export function countOf(part: usize): usize {
  return min(load<usize>(team + PER_PART), load<usize>(team + ITEMS) - firstOf(part));
}

export function putSum(part: usize, sum: f64): void {
  store<f64>(team + SUMS + 8 * part, sum);
}

/** Σ of what the parts have summed, in their order. */
export function sumOfParts(parts: usize): f64 {
  let sum: f64 = 0;
  for (let part: usize = 0; part < parts; part++) sum += load<f64>(team + SUMS + 8 * part);
  return sum;
}
