// How threads share work. One thread leads: it publishes commands one after the other, takes part in each, and goes on
// when all parts are computed. It takes parts from the first one on and its helper from the last one back, until they
// meet: so a thread mostly has the same records in every command, in its own cache, and one that is held up delays
// nobody. What comes out does not depend on where they meet, as a part writes to places of its own.
import {
  CALL,
  cut,
  DONE,
  FAILED,
  LEADER_SLEEPS,
  PARTS,
  SLEEPERS,
  setLeastWork,
  setTeam,
  TICKET,
  team,
  WAKE,
} from "./command";
import { computePart } from "./parts";
import { setScratch } from "./scratch";

/** Looks for a new command, or for the end of one, before a thread sleeps: some ten microseconds. */
const SPINS: u32 = 4000;
/** Nanoseconds after which a leader that sleeps looks whether a thread has failed. */
const PATIENCE: i64 = 100_000_000;
/** So many times in a row, a minute and more, without an end of any part: a thread is no longer there. */
const MOST_NAPS: u32 = 900;
/** One in the number of the first part that nobody has taken, and the bits of the number behind the last one. */
const FIRST: u64 = 0x10000;
const LAST: u64 = 0xffff;

/** The call by which members are here; 0 while there are none. */
let called: u32 = 0;
let lost = false;
/** Whether this thread takes parts from the last one back: every other one does. */
let fromBack = false;
/** Parts of this leader's commands so far that others have computed. */
let helped: u32 = 0;

/**
 * Makes this instance the leader of a team whose block, all zeros, is at an address. `scratch`: see scratch.ts. A part
 * has at least so much `work`, in operations.
 */
export function lead(address: usize, scratch: usize, widest: usize, work: usize): void {
  setTeam(address);
  setLeastWork(work);
  setScratch(scratch, widest, 0);
}

/** Makes this instance a member: its number is 1 and more. */
export function follow(address: usize, scratch: usize, widest: usize, thread: u32): void {
  setTeam(address);
  setScratch(scratch, widest, thread);
  fromBack = thread % 2 === 1;
}

/** Lets members work who come by this call, and sends others away, whose `work` returns then; by 0 all. */
export function setCall(call: u32): void {
  called = call;
  atomic.store<u32>(team, call, CALL);
  wake();
}

/** Whether a thread has failed, or has not answered for a minute. What was computed since then is worth nothing. */
export function isLost(): bool {
  return lost;
}

/** How many parts of commands others have computed. */
export function partsByHelpers(): u32 {
  return helped;
}

/** Called for a member that has failed. */
export function fail(): void {
  atomic.store<u32>(team, 1, FAILED);
  atomic.notify(team + DONE, 1);
}

/** Runs a command over `items`, as `cut` says, whose arguments are there. Returns the number of parts. */
export function run(operation: u32, items: usize, work: usize, step: usize = 1, extra: bool = false): usize {
  const parts = cut(operation, items, work, step, extra);
  if (parts <= 1 || called === 0 || lost) {
    for (let part: usize = 0; part < parts; part++) computePart(part);
    return parts;
  }
  atomic.store<u32>(team, 0, DONE);
  store<u32>(team, <u32>parts, PARTS);
  atomic.store<u64>(team, ((<u64>called) << 32) | parts, TICKET);
  if (atomic.load<u32>(team, SLEEPERS) > 0) wake();
  let own: u32 = 0;
  while (takePart(called)) own++;
  join(<u32>parts);
  helped += <u32>parts - own;
  return parts;
}

function wake(): void {
  atomic.add<u32>(team, 1, WAKE);
  atomic.notify(team + WAKE, -1);
}

/**
 * Computes a part that nobody has taken. Returns false where there is none for who came by a call. What a part is of is
 * read when it has been taken, so that it is of the command that is there.
 */
function takePart(call: u32): bool {
  let ticket = atomic.load<u64>(team, TICKET);
  while (true) {
    if (!hasPart(ticket, call)) return false;
    const rest = fromBack ? ticket - 1 : ticket + FIRST;
    const found = atomic.cmpxchg<u64>(team, ticket, rest, TICKET);
    if (found === ticket) break;
    ticket = found;
  }
  const part = fromBack ? (ticket & LAST) - 1 : (ticket / FIRST) & LAST;
  const parts = load<u32>(team, PARTS);
  computePart(<usize>part);
  const done = atomic.add<u32>(team, 1, DONE) + 1;
  if (done === parts && atomic.load<u32>(team, LEADER_SLEEPS)) atomic.notify(team + DONE, 1);
  return true;
}

function hasPart(ticket: u64, call: u32): bool {
  return <u32>(ticket >> 32) === call && ((ticket / FIRST) & LAST) < (ticket & LAST);
}

/** Waits until all parts are computed. */
function join(parts: u32): void {
  for (let spin: u32 = 0; spin < SPINS; spin++) if (atomic.load<u32>(team, DONE) === parts) return;
  atomic.store<u32>(team, 1, LEADER_SLEEPS);
  let naps: u32 = 0;
  while (true) {
    const done = atomic.load<u32>(team, DONE);
    if (done === parts) break;
    if (atomic.load<u32>(team, FAILED) || naps === MOST_NAPS) {
      lost = true;
      break;
    }
    atomic.wait<i32>(team + DONE, done, PATIENCE);
    naps = atomic.load<u32>(team, DONE) === done ? naps + 1 : 0;
  }
  atomic.store<u32>(team, 0, LEADER_SLEEPS);
}

/** Computes parts of commands until the leader sends away who came by this call. */
export function work(call: u32): void {
  let spins: u32 = 0;
  while (atomic.load<u32>(team, CALL) === call) {
    if (takePart(call)) spins = 0;
    else if (++spins > SPINS) {
      sleep(call);
      spins = 0;
    }
  }
}

function sleep(call: u32): void {
  atomic.add<u32>(team, 1, SLEEPERS);
  const seen = atomic.load<u32>(team, WAKE);
  const ticket = atomic.load<u64>(team, TICKET);
  // A leader that has not seen the sleeper has published its command before the look at the ticket.
  if (!hasPart(ticket, call) && atomic.load<u32>(team, CALL) === call) atomic.wait<i32>(team + WAKE, seen, -1);
  atomic.sub<u32>(team, 1, SLEEPERS);
}
