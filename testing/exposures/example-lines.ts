import { EVENT_VERSION, type ListEvent } from "../../format/event.ts";
import { EXPOSURE_VERSION, type Exposure } from "../../format/exposure.ts";
import { writeFloats } from "../../format/floats.ts";

/** An id as whoever knows no secret may write it. */
export const UNSIGNED_ID = "AZw0vQAAx0pQ3v7mB2kV9fT1sD-_8a";

/** A line for `count` candidates with ids of 8 digits, of which Plackett–Luce drew the first ten slots. */
export function exampleExposure(count: number, changes: Partial<Exposure> = {}): Exposure {
  const drawn = Math.min(10, count);
  const numbers = Array.from({ length: count }, (_, i) => i);
  return {
    v: EXPOSURE_VERSION,
    id: UNSIGNED_ID,
    t: 1_767_225_600_123,
    x: "homepage-order",
    phase: "0f1e2d3c",
    arm: "deepfm",
    b: 1234,
    u: "0123456789abcdef",
    list: "shop/recommended",
    model: "ads@0123456789abcdef",
    worker: "5f3c1d9e-0000-4000-8000-1234567890ab",
    policy: { policy: "plackett-luce", temperature: 0.5, k: 10 },
    seed: "00112233445566778899aabbccddeeff",
    cand: numbers.map((i) => String(10_000_000 + 7 * i)),
    logits: writeFloats(numbers.map((i) => Math.sin(i))),
    shown: numbers.toReversed(),
    p: writeFloats(numbers.slice(0, drawn).map((i) => -1 - i / 10)),
    lp: -14.5,
    served: "arm",
    keep: 1,
    ...changes,
  };
}

export function exampleEvent(changes: Partial<ListEvent> = {}): ListEvent {
  const [t, received] = [1_767_225_700_000, 1_767_225_700_456];
  return { v: EVENT_VERSION, id: UNSIGNED_ID, type: "click", item: "10000007", t, received, ...changes };
}
