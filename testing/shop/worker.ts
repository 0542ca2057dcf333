import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type LocalServer, startDevServer } from "../../deploy/dev-server.ts";
import { QUIET } from "../../deploy/wrangler.ts";
import { generateToken } from "../../format/tokens.ts";

/** The Worker in front of the shop: KV, the queue and the bucket are those of this machine. */
export const SHOP_CONFIG = fileURLToPath(new URL("wrangler.toml", import.meta.url));

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

/** Starts the Worker over the KV in `persistTo`, where models and experiments were published. */
export function startShopWorker(persistTo: string, origin: URL): Promise<LocalServer> {
  const text = (value: string) => ({ type: "plain_text", value }) as const;
  return startDevServer(SHOP_CONFIG, {
    persistTo,
    bindings: {
      ORIGIN: text(origin.href),
      RERANK_ROUTES: { type: "json", value: ROUTES },
      EXPERIMENT_SECRETS: text(generateToken()),
    },
  });
}

/** What is used of a bucket of R2. */
interface Bucket {
  list(options: { cursor?: string }): Promise<{ objects: { key: string }[]; truncated: boolean; cursor?: string }>;
  get(key: string): Promise<{ arrayBuffer(): Promise<ArrayBuffer> } | null>;
}

/** Copies what the Worker has logged out of the local bucket into a folder. Returns how many files that are. */
export async function copyLogs(persistTo: string, folder: string): Promise<number> {
  Object.assign(process.env, QUIET);
  const { getPlatformProxy } = await import("wrangler");
  const proxy = await getPlatformProxy<{ EXPOSURE_LOGS: Bucket }>({
    configPath: SHOP_CONFIG,
    persist: { path: join(persistTo, "v3") },
    remoteBindings: false,
    envFiles: [],
  });
  try {
    const bucket = proxy.env.EXPOSURE_LOGS;
    let [count, cursor] = [0, undefined as string | undefined];
    do {
      const page = await bucket.list(cursor === undefined ? {} : { cursor });
      for (const { key } of page.objects) {
        const object = await bucket.get(key);
        if (!object) continue;
        mkdirSync(dirname(join(folder, key)), { recursive: true });
        writeFileSync(join(folder, key), new Uint8Array(await object.arrayBuffer()));
        count++;
      }
      cursor = page.truncated ? page.cursor : undefined;
    } while (cursor !== undefined);
    return count;
  } finally {
    await proxy.dispose();
  }
}
