import { setTimeout as wait } from "node:timers/promises";

/** Time, as a publication sees it: milliseconds since the epoch, and a wait of so many. */
export interface Clock {
  now(): number;
  sleep(ms: number): Promise<void>;
}

export const CLOCK: Clock = {
  now: Date.now,
  sleep: async (ms) => {
    await wait(ms);
  },
};

/** Milliseconds between two lines of how long is left. */
const TICK_MS = 1000;

/**
 * Waits until `time`, and tells every second how many seconds are left. A clock that is set back meanwhile makes it no
 * longer.
 */
export async function sleepUntil(time: number, clock: Clock, tell: (seconds: number) => void): Promise<void> {
  let left = time - clock.now();
  while (left > 0) {
    tell(Math.ceil(left / 1000));
    const ms = Math.min(left, TICK_MS);
    await clock.sleep(ms);
    left = Math.min(left - ms, time - clock.now());
  }
}
