import { integer, pick } from "../format/random.ts";
import { kvLatency } from "./kv-latency.ts";

/** How bad a store is: the part of reads of a key that meet with each fault, in [0, 1]. */
export interface Weather {
  /** It takes as long as Workers KV's reads do, and sometimes seconds. */
  slow?: number;
  /** There is no answer but an error. */
  failing?: number;
  /** The value is cut short, or the connection is. */
  truncated?: number;
  /** The key is not there. */
  missing?: number;
  /** An earlier value of the key, where it had one. */
  stale?: number;
  /** The bytes that another key of the same kind has. */
  swapped?: number;
  /** Bytes of something else: random ones, or the value of a key of another kind. */
  foreign?: number;
}

export const CLEAR: Weather = {};

export type Fault = keyof Weather;
/** What a store gives in place of a value: null, nothing; "broken": half of the value, and then no more. */
export type Damaged = { value: Buffer | null; ends: "whole" | "broken" | "failed" };

/** What is stored, as far as faults need it. */
export interface Stored {
  value(key: string): Buffer | null;
  /** What the key had before, the oldest first. */
  earlier(key: string): readonly Buffer[];
  names(): readonly string[];
}

/** The most bytes that stand in for something else. */
const MOST_FOREIGN = 40_000;

/** Milliseconds that a read of some keys takes. */
export function delayIn({ slow = 0 }: Weather, random: () => number): number {
  return random() < slow ? kvLatency(random) : 0;
}

/** What a read of a key gives in a weather. `met` is told of each fault. */
export function readIn(
  weather: Weather,
  stored: Stored,
  key: string,
  random: () => number,
  met: (fault: Fault) => void,
): Damaged {
  const value = stored.value(key);
  const whole = (other: Buffer | null): Damaged => ({ value: other, ends: "whole" });
  for (const fault of ["failing", "truncated", "missing", "stale", "swapped", "foreign"] as const) {
    if (random() >= (weather[fault] ?? 0)) continue;
    if (fault === "failing") {
      met(fault);
      return { value, ends: value === null || random() < 0.5 ? "failed" : "broken" };
    }
    if (value === null) return whole(null);
    const other = OTHERS[fault](stored, key, value, random);
    if (other === undefined) continue;
    met(fault);
    return whole(other);
  }
  return whole(value);
}

type Other = (stored: Stored, key: string, value: Buffer, random: () => number) => Buffer | null | undefined;

/** By fault: what stands in for a value; undefined where nothing can. */
const OTHERS: Record<Exclude<Fault, "slow" | "failing">, Other> = {
  truncated: (_stored, _key, value, random) => value.subarray(0, integer(random, 0, Math.max(0, value.length - 1))),
  missing: () => null,
  stale(stored, key, _value, random) {
    const earlier = stored.earlier(key);
    return earlier.length === 0 ? undefined : pick(random, earlier);
  },
  swapped(stored, key, _value, random) {
    // Who reads a pointer cannot know that it was another model's, unless models are signed.
    const others = kindOf(key) === "models" ? [] : stored.names().filter((one) => one !== key && sameKind(one, key));
    return others.length === 0 ? undefined : stored.value(pick(random, others));
  },
  foreign(stored, key, _value, random) {
    if (random() < 0.5) return Buffer.from(Uint8Array.from({ length: integer(random, 0, 2000) }, () => 256 * random()));
    const others = stored.names().filter((one) => !sameKind(one, key));
    return others.length === 0 ? undefined : stored.value(pick(random, others))?.subarray(0, MOST_FOREIGN);
  },
};

function sameKind(a: string, b: string): boolean {
  return kindOf(a) === kindOf(b);
}

/** What stands before the slash, as format/store.ts has it. */
function kindOf(key: string): string {
  const slash = key.indexOf("/");
  return slash < 0 ? key : key.slice(0, slash);
}
