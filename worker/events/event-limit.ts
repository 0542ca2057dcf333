import { KEYS_PER_CHARGE } from "../limits.ts";
import { chargeTo, type RateLimiter } from "../rows/key-allowance.ts";

/** Whether a rate limit lets a request's list have so many more events; null: there is none. Never rejects. */
export async function mayReport(limiter: RateLimiter | null, id: string, count: number): Promise<boolean> {
  // An event is one call of the limiter.
  return limiter === null || (await chargeTo(limiter, `events ${id}`)(count * KEYS_PER_CHARGE));
}
