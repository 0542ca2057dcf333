import { fileURLToPath } from "node:url";
import { type LocalServer, startDevServer } from "../../deploy/dev-server.ts";
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
