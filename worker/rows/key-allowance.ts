import { logError } from "../http/log.ts";
import { settledWithin } from "../http/promises.ts";
import { KEYS_PER_CHARGE, RATE_LIMIT_TIMEOUT_MS } from "../limits.ts";

/** What is used of a rate limit binding, which counts the calls with a key. */
export interface RateLimiter {
  limit(options: { key: string }): Promise<{ success: boolean }>;
}

/** Charges a client for keys that it is about to read. Returns whether it may. Never rejects. */
export type Charge = (keys: number) => Promise<boolean>;

/**
 * Charges `client` at a rate limit, one call for each KEYS_PER_CHARGE keys. A limit that fails or is slow allows: the
 * budget of a request still holds then.
 */
export function chargeTo(limiter: RateLimiter, client: string): Charge {
  return async function charge(keys) {
    let allowed = true;
    const call = async (): Promise<void> => {
      const { success } = await limiter.limit({ key: client });
      if (!success) allowed = false;
    };
    try {
      const calls = Array.from({ length: Math.ceil(keys / KEYS_PER_CHARGE) }, call);
      if (!(await settledWithin(Promise.all(calls), RATE_LIMIT_TIMEOUT_MS)))
        throw new Error(`got no answer within ${RATE_LIMIT_TIMEOUT_MS} ms`);
    } catch (error) {
      logError("rate_limit_failed", error);
    }
    return allowed;
  };
}
