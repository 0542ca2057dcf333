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

/** Waits until `time`, and tells every second how many seconds are left. */
export async function sleepUntil(time: number, clock: Clock, tell: (seconds: number) => void): Promise<void> {
  for (let left = time - clock.now(); left > 0; left = time - clock.now()) {
    tell(Math.ceil(left / 1000));
    await clock.sleep(Math.min(left, TICK_MS));
  }
}
