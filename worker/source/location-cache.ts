import { settledWithin } from "../http/promises.ts";
import * as limits from "../limits.ts";
import type { PageCache } from "./source.ts";

/** What is used of a cache of Cloudflare's Cache API, such as `caches.default`. */
export interface CacheApi {
  match(url: string): Promise<Response | undefined>;
  put(url: string, response: Response): Promise<void>;
}

/** Entries have a host that no request has: `.invalid` is reserved for that. */
const ORIGIN = "https://pages.deepfm-edge.invalid";

/** What an isolate puts there to see whether it stays. */
const TRIAL = `${ORIGIN}/trial`;

/**
 * The cache of the location that a Worker runs in. A read of it is not billed, as one of Workers KV is. Where it keeps
 * nothing, as under `workers.dev`, it is asked for nothing: an isolate tries it first.
 */
export function locationCache(cache: CacheApi, now: () => number = Date.now): PageCache {
  let works: boolean | null = null;
  let tryAt = 0;

  async function tryOut(): Promise<void> {
    try {
      await cache.put(TRIAL, cacheable(Uint8Array.of(1)));
      works = (await read(cache, TRIAL)) !== null;
    } catch {
      works = false;
    }
  }

  return {
    async find(keys, ms, keepAlive) {
      const found = new Map<string, Uint8Array>();
      if (works === null && now() >= tryAt) {
        // A try is lost with its request, if that is killed.
        tryAt = now() + limits.READ_LOST_MS;
        keepAlive(tryOut());
      }
      if (works !== true) return found;
      const asked = keys.slice(0, limits.LOCATION_CACHE_PAGES);
      let next = 0;
      let isLate = false;
      const findSome = async (): Promise<void> => {
        while (!isLate && next < asked.length) {
          const key = asked[next++] as string;
          const bytes = await read(cache, `${ORIGIN}/${key}`);
          if (bytes && !isLate) found.set(key, bytes);
        }
      };
      try {
        const all = Promise.all(Array.from({ length: limits.LOCATION_CACHE_CONNECTIONS }, findSome));
        await settledWithin(all, ms);
      } catch {
        // The source has all pages.
      }
      isLate = true;
      return found;
    },
    async keep(key, bytes) {
      if (works !== true) return;
      try {
        await cache.put(`${ORIGIN}/${key}`, cacheable(bytes));
      } catch {
        // The next isolate that reads the page may put it there.
      }
    },
  };
}

async function read(cache: CacheApi, url: string): Promise<Uint8Array | null> {
  const response = await cache.match(url);
  return response ? response.bytes() : null;
}

function cacheable(bytes: Uint8Array): Response {
  const headers = { "cache-control": `public, max-age=${limits.IMMUTABLE_CACHE_SECONDS}, immutable` };
  return new Response(new Uint8Array(bytes), { headers });
}
