import { globSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { generateToken } from "../../format/tokens.ts";
import { endWorkerdsWithThisProcess } from "../../trainer/io/children.ts";
import { bundleWorker } from "../attack/bundle.ts";

/** Where commands find what the Worker has: its KV and its bucket are those of this machine. */
export const SHOP_CONFIG = fileURLToPath(new URL("wrangler.toml", import.meta.url));

/** The bucket, and the queue before it. */
const BUCKET = "exposures";

const FIELDS = { category: "category", brand: "brand", price: "price" };
const fieldsOf = <Source>(source: (name: string) => Source): Record<string, Source> =>
  Object.fromEntries(Object.entries({ item: "id", ...FIELDS }).map(([field, name]) => [field, source(name)]));

/** Where the shop's lists are: of its pages and of its documents, which are lists of one experiment. */
const CONTEXT = { segment: { cookie: "segment" }, device: { cookie: "device" } };
const ROUTES = [
  {
    ...{ path: "/shelf/:shelf", context: CONTEXT, budgetMs: 2000 },
    lists: [
      {
        ...{ type: "html", name: "shelf", list: "#shelf", items: "#shelf > .item" },
        id: { attribute: "data-id" },
        fields: fieldsOf((name) => ({ attribute: `data-${name}` })),
      },
    ],
  },
  {
    ...{ path: "/api/shelf/:shelf", context: CONTEXT, budgetMs: 2000 },
    lists: [{ type: "json", name: "shelf", list: "/items", id: "/id", fields: fieldsOf((name) => `/${name}`) }],
  },
];

/** The Worker in front of the shop, until it is disposed. */
export interface ShopWorker extends AsyncDisposable {
  url: URL;
  /** How many lines of lists and of events the queue has stored. */
  storedLines(): Promise<number>;
}

/**
 * Starts the Worker as wrangler would upload it, over the KV in `persistTo`, where models and experiments are. It is
 * miniflare's alone: through the server of `wrangler dev` requests take twice as long. `secret` signs the ids of lists.
 */
export async function startShopWorker(
  persistTo: string,
  origin: URL,
  secret: string = generateToken(),
): Promise<ShopWorker> {
  endWorkerdsWithThisProcess();
  await using stack = new AsyncDisposableStack();
  const { folder, compatibilityDate } = stack.use(await bundleWorker());
  const miniflare = new Miniflare({
    ...convertV4MiniflareOptions({
      modules: [
        { type: "ESModule", path: join(folder, "index.js") },
        ...globSync("*.wasm", { cwd: folder }).map((name) => ({
          type: "CompiledWasm" as const,
          path: join(folder, name),
        })),
      ],
      modulesRoot: folder,
      compatibilityDate,
      bindings: {
        ...{ AUTH: "off", ROW_DEADLINE_MS: 1000, EXPERIMENT_UNITS: "uid=cookie:uid" },
        ...{ EXPERIMENT_SECRETS: secret, ORIGIN: origin.href, RERANK_ROUTES: ROUTES },
      },
      kvNamespaces: { MODELS: "MODELS" },
      r2Buckets: { EXPOSURE_LOGS: BUCKET },
      queueProducers: { EXPOSURES: BUCKET },
      queueConsumers: { [BUCKET]: { maxBatchSize: 50, maxBatchTimeout: 1, maxRetries: 20 } },
    }),
    log: new Log(LogLevel.ERROR),
    // As `wrangler dev --persist-to` has it.
    resourcePersistencePath: resolve(persistTo, "v3"),
  });
  stack.defer(() => miniflare.dispose());
  const url = await miniflare.ready;
  const bucket = await miniflare.getR2Bucket("EXPOSURE_LOGS");
  /** Lines by object, of which none changes. */
  const lines = new Map<string, number>();
  const storedLines = async (): Promise<number> => {
    for await (const key of keysOf(bucket)) if (!lines.has(key)) lines.set(key, await linesIn(bucket, key));
    return [...lines.values()].reduce((sum, count) => sum + count, 0);
  };
  const running = stack.move();
  return { url, storedLines, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

type Bucket = Awaited<ReturnType<Miniflare["getR2Bucket"]>>;

async function* keysOf(bucket: Bucket): AsyncGenerator<string> {
  let cursor: string | undefined;
  do {
    const found = await bucket.list({ ...(cursor !== undefined && { cursor }) });
    for (const { key } of found.objects) yield key;
    cursor = found.truncated ? found.cursor : undefined;
  } while (cursor !== undefined);
}

async function linesIn(bucket: Bucket, key: string): Promise<number> {
  const object = await bucket.get(key);
  if (!object) throw new Error(`${key}: got nothing, expected an object`);
  return (
    gunzipSync(await object.arrayBuffer())
      .toString()
      .split("\n").length - 1
  );
}
