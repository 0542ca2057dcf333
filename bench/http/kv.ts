// Workers KV in a process of its own, miniflare's, which answers after the times that it took in production.
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { Random } from "../../trainer/data/random.ts";

/** The requests that a KV binding of workerd makes: one key, and several at once. Each waits for the next delay. */
const SCRIPT = `let next = 0;
export default {
  async fetch(request, { MODELS, DELAYS }) {
    const { pathname } = new URL(request.url);
    if (DELAYS.length > 0) await scheduler.wait(DELAYS[next++ % DELAYS.length]);
    if (pathname === "/bulk/get") {
      const { keys, type } = await request.json();
      return Response.json(Object.fromEntries(await MODELS.get(keys, type ?? "text")));
    }
    const value = await MODELS.get(decodeURIComponent(pathname.slice(1)), "stream");
    return value === null ? new Response(null, { status: 404 }) : new Response(value);
  },
};`;

/**
 * Milliseconds of a read, by the share of reads that take at most as long: what 77,500 reads in production took. The
 * first and the last are guesses.
 */
const QUANTILES: readonly (readonly [share: number, ms: number])[] = [
  [0, 5],
  [0.5, 28],
  [0.95, 321],
  [0.99, 816],
  [1, 1500],
];
const DELAYS = 10_000;
/** Values that are written at a time. */
const PUTS = 50;

export interface BenchKv extends AsyncDisposable {
  /** Host and port. */
  address: string;
}

/** `slow`: whether reads take as long as in production. */
export async function startBenchKv(pairs: ReadonlyMap<string, string | Uint8Array>, slow: boolean): Promise<BenchKv> {
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      script: SCRIPT,
      kvNamespaces: ["MODELS"],
      bindings: { DELAYS: slow ? delays() : [] },
    }),
  );
  try {
    const kv = await miniflare.getKVNamespace("MODELS");
    const put = ([key, value]: [string, string | Uint8Array]): Promise<void> =>
      kv.put(key, typeof value === "string" ? value : Uint8Array.from(value).buffer);
    const all = [...pairs];
    for (let at = 0; at < all.length; at += PUTS) await Promise.all(all.slice(at, at + PUTS).map(put));
    const { host } = await miniflare.ready;
    return { address: host, [Symbol.asyncDispose]: () => miniflare.dispose() };
  } catch (error) {
    await miniflare.dispose();
    throw error;
  }
}

/** Between two quantiles the logarithm of the time is linear. */
function delays(): number[] {
  const random = new Random(1);
  return Array.from({ length: DELAYS }, () => {
    const share = random.uniform();
    const upper = QUANTILES.findIndex(([of], i) => i > 0 && share <= of);
    const [[from, low], [to, high]] = [QUANTILES[upper - 1], QUANTILES[upper]];
    return Math.round(low * (high / low) ** ((share - from) / (to - from)));
  });
}
