import type { ChaosKind } from "./kinds.ts";
import { HOSTILE_KINDS, KINDS, scoreLarge, WORST_KINDS } from "./kinds.ts";
import { CLEAR, type Weather } from "./weather.ts";

/** What happens to the models while clients score. */
export type Happening =
  /** Another version of one of them serves, forward or back. */
  | "switch"
  /** As before, and it must be seen to serve before the next one comes. */
  | "swap"
  /** A publication ends after a number of writes, and is run again. */
  | "killed"
  /** Another model becomes the default. */
  | "default"
  /** A new isolate takes over. */
  | "restart";

export interface Phase {
  name: string;
  weather: Weather;
  /** What happens, in turn. */
  happenings: readonly Happening[];
  /** How often something happens. */
  times: number;
  /** What clients send, each with the same chance. */
  kinds: readonly ChaosKind[];
  /** Clients send so many times a hundred of these, beside the others. */
  worst: readonly ChaosKind[];
  /** Its part of all requests, in relation to the others'. */
  share: number;
  /** Whether models are loaded that do not fit together. */
  fills: boolean;
}

/** How often something happens in a phase, in a long run. */
export interface Times {
  /** In a phase that is about something else. */
  usual: number;
  swaps: number;
  kills: number;
}

const SWITCHES: readonly Happening[] = ["restart", "switch", "switch", "switch"];

export function phasesOf({ usual, swaps, kills }: Times): Phase[] {
  const phase = (name: string, more: Partial<Phase>): Phase => ({
    ...{ name, weather: CLEAR, happenings: SWITCHES, times: usual, kinds: KINDS, worst: [], share: 1, fills: false },
    ...more,
  });
  const large = [scoreLarge("huge"), scoreLarge("vast")];
  return [
    phase("two models in turn, others do not fit", { times: 0, kinds: [...KINDS, ...large], fills: true }),
    phase("hot swaps", { happenings: ["swap"], times: swaps, share: 3 }),
    phase("pointers that flap", { happenings: ["switch", "switch", "default"], times: 3 * usual }),
    phase("publications killed", { happenings: ["killed"], times: kills }),
    phase("isolates that start", { happenings: ["restart", "switch"] }),
    phase("KV slow", { weather: { slow: 1 } }),
    phase("KV failing", { weather: { failing: 0.3 } }),
    phase("values cut short", { weather: { truncated: 0.3 } }),
    phase("keys missing", { weather: { missing: 0.3 } }),
    phase("stale values", { weather: { stale: 0.5 } }),
    phase("swapped values", { weather: { swapped: 0.3 } }),
    phase("foreign bytes", { weather: { foreign: 0.3 } }),
    phase("hostile bodies", { kinds: [...KINDS, ...KINDS, ...HOSTILE_KINDS], worst: WORST_KINDS }),
    phase("all of it", {
      weather: { slow: 0.3, failing: 0.05, truncated: 0.05, missing: 0.05, stale: 0.1, swapped: 0.05, foreign: 0.05 },
      happenings: [...SWITCHES, "default", "killed"],
      kinds: [...KINDS, ...KINDS, ...HOSTILE_KINDS],
      share: 2,
      times: 2 * usual,
    }),
  ];
}
