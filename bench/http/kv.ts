// Workers KV in a process of its own, miniflare's, which answers after the times that it took in production.
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { pageKey } from "../../format/store.ts";
import { kvLatency } from "../../testing/chaos/kv-latency.ts";
import { Random } from "../../trainer/data/random.ts";

/** The requests that a KV binding of workerd makes: one key, and several at once. Each waits for the next delay. */
const SCRIPT = `let next = 0;
export default {
  async fetch(request, { MODELS, DELAYS, PAGE_DELAY }) {
    const { pathname } = new URL(request.url);
    if (DELAYS.length > 0) await scheduler.wait(DELAYS[next++ % DELAYS.length]);
    if (pathname === "/bulk/get") {
      const { keys, type } = await request.json();
      if (keys.some((key) => key.startsWith("${pageKey(new Uint8Array(0))}"))) await scheduler.wait(PAGE_DELAY);
      return Response.json(Object.fromEntries(await MODELS.get(keys, type ?? "text")));
    }
    const value = await MODELS.get(decodeURIComponent(pathname.slice(1)), "stream");
    return value === null ? new Response(null, { status: 404 }) : new Response(value);
  },
};`;

/** How long reads take: no time, what they took in production, or, where they are of pages, too long for anyone. */
export type KvReads = "quick" | "slow" | "without pages";

/** How many delays there are, which are then taken again. */
const DELAYS = 10_000;
/** Milliseconds that no request waits for pages. */
const TOO_LONG_MS = 60_000;
/** Values that are written at a time. */
const PUTS = 50;

export interface BenchKv extends AsyncDisposable {
  /** Host and port. */
  address: string;
}

export async function startBenchKv(pairs: ReadonlyMap<string, string | Uint8Array>, reads: KvReads): Promise<BenchKv> {
  const random = new Random(1);
  const delays = reads === "slow" ? Array.from({ length: DELAYS }, () => kvLatency(() => random.uniform())) : [];
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      script: SCRIPT,
      kvNamespaces: ["MODELS"],
      bindings: { DELAYS: delays, PAGE_DELAY: reads === "without pages" ? TOO_LONG_MS : 0 },
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
