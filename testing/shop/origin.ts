import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Item, Shop } from "./shop.ts";

/** The shop's own server, on a port of loopback. It knows nothing of models and experiments. */
export interface Origin extends AsyncDisposable {
  url: URL;
  /** Requests that it has answered. */
  readonly requests: number;
}

/**
 * Serves a shop: `/shelf/N` is a page with a shelf's items in the shop's order, `/api/shelf/N` the same list as JSON,
 * and `/item/ID` a page of an item.
 */
export async function startOrigin(shop: Shop): Promise<Origin> {
  let requests = 0;
  const server: Server = createServer((request, response) => {
    requests++;
    const [, kind, name] =
      /^\/(api\/shelf|shelf|item)\/([\w-]+)$/.exec(new URL(request.url ?? "/", HERE).pathname) ?? [];
    const shelf = kind === "item" ? undefined : shop.shelves[Number(name)];
    const item = kind === "item" ? shop.items.find(({ id }) => id === name) : undefined;
    if (!shelf && !item) {
      response.writeHead(404, { "content-type": "text/plain; charset=utf-8" }).end("Not found\n");
      return;
    }
    const isJson = kind === "api/shelf";
    const body = item ? itemPage(item) : isJson ? shelfJson(shelf ?? []) : shelfPage(name ?? "", shelf ?? []);
    const type = isJson ? "application/json" : "text/html; charset=utf-8";
    response.writeHead(200, { "content-type": type, "content-length": Buffer.byteLength(body) }).end(body);
  });
  const { promise: listening, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await listening;
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`http://127.0.0.1:${port}/`),
    get requests() {
      return requests;
    },
    async [Symbol.asyncDispose]() {
      const { promise: closed, resolve: close } = Promise.withResolvers<void>();
      server.close(() => close());
      server.closeAllConnections();
      await closed;
    },
  };
}

const HERE = "http://localhost/";

const STYLE = `
  body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: #1d2433; background: #f6f7f9; }
  main { max-width: 60rem; margin: 0 auto; padding: 1.5rem; }
  ol { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: .75rem; padding: 0; list-style: none; }
  li { background: #fff; border: 1px solid #dfe3ea; border-radius: .5rem; padding: .75rem; }
  a { color: inherit; text-decoration: none; font-weight: 600; }
  small { display: block; color: #5a6478; }`;

function page(title: string, main: string): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><style>${STYLE}
</style></head>
<body><main><h1>${title}</h1>
${main}
</main></body>
</html>
`;
}

function shelfPage(name: string, items: readonly Item[]): string {
  const list = items.map(
    ({ id, category, brand, price }) =>
      `<li class="item" data-id="${id}" data-category="${category}" data-brand="${brand}" data-price="${price}">` +
      `<a href="/item/${id}">${id}</a><small>${category}, ${brand}</small><small>${price.toFixed(2)}</small></li>`,
  );
  return page(`Shelf ${name}`, `<ol id="shelf">\n${list.join("\n")}\n</ol>`);
}

function itemPage({ id, category, brand, price }: Item): string {
  return page(id, `<p>${category}, ${brand}, ${price.toFixed(2)}</p>`);
}

function shelfJson(items: readonly Item[]): string {
  return JSON.stringify({ items });
}
