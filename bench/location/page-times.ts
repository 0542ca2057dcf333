// Processor time of a workerd whose Worker keeps no row, so that each request reads all its pages.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { bundleWorker } from "../../testing/attack/bundle.ts";
import { Workerd } from "../../testing/attack/workerd.ts";
import { limitCachedRows } from "../http/cached-rows.ts";
import { waitUntilLoaded } from "../http/cold.ts";
import { startBenchKv } from "../http/kv.ts";
import { processMs } from "../processor-time.ts";
import { FIELDS, pairsOf, replayModel, textOf } from "../replay/model.ts";

const ROWS = 100_000;
/** Rows of the blob, which no request asks for. */
const HEAD_ROWS = 4_000;
/** Requests of a round, and their records, each of which needs a page or two. */
const REQUESTS = 100;
const RECORDS = 12;

export class PageTimes implements AsyncDisposable {
  readonly #kv: Workerd;
  readonly #location: Workerd;
  readonly #stack: AsyncDisposableStack;

  private constructor(kv: Workerd, location: Workerd, stack: AsyncDisposableStack) {
    this.#kv = kv;
    this.#location = location;
    this.#stack = stack;
  }

  static async start(): Promise<PageTimes> {
    await using stack = new AsyncDisposableStack();
    const model = replayModel({ values: ROWS / 2, headRows: HEAD_ROWS });
    const kv = stack.use(await startBenchKv(await pairsOf(model), "quick"));
    const cacheApi = await startCacheApi(stack);
    const start = async (pageCache: "on" | "off"): Promise<Workerd> => {
      const bundle = stack.use(await bundleWorker());
      limitCachedRows(bundle.folder, 0);
      const texts = { AUTH: "off", MODEL_KEYS: "", ROW_DEADLINE_MS: "60000", PAGE_CACHE: pageCache };
      const onLog = (level: string, message: string): void => {
        if (level === "error") console.error(message);
      };
      const options = { bundle, v8Flags: [], texts, kvNamespaces: { MODELS: kv.address }, cacheApi, onLog };
      const worker = stack.use(await Workerd.start(options));
      await waitUntilLoaded(worker);
      return worker;
    };
    const workers = [await start("off"), await start("on")] as const;
    const times = new PageTimes(...workers, stack.move());
    // The cache is tried out, and gets all the pages.
    for (let i = 0; i < 3; i++) await times.measure();
    return times;
  }

  /** Milliseconds of processor time a page, from KV and from the cache. */
  async measure(): Promise<{ kv: number; location: number }> {
    return { kv: await msOf(this.#kv, "kv"), location: await msOf(this.#location, "location") };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

async function msOf(worker: Workerd, tier: string): Promise<number> {
  const before = processMs(worker.pid);
  let pages = 0;
  for (let request = 0; request < REQUESTS; request++) pages += await send(worker.url, request, tier);
  return (processMs(worker.pid) - before) / pages;
}

/** Returns how many pages came from a tier. */
async function send(url: URL, request: number, tier: string): Promise<number> {
  const records = Array.from({ length: RECORDS }, (_, i) => {
    const first = FIELDS.length + HEAD_ROWS + FIELDS.length * (RECORDS * request + i);
    return Object.fromEntries(FIELDS.map((field, f) => [field, textOf(first + f)]));
  });
  const headers = { "content-type": "application/json" };
  const response = await fetch(new URL("/v1/score", url), {
    method: "POST",
    headers,
    body: JSON.stringify({ records }),
  });
  const answer = await response.text();
  if (!response.ok || answer.includes('"degraded"')) throw new Error(`got ${response.status} ${answer}`);
  return Number(new RegExp(`\\b${tier};desc="(\\d+)"`).exec(response.headers.get("server-timing") ?? "")?.[1]);
}

/** A service as workerd asks one for the Cache API: what was put is a hit. Returns its host and port. */
async function startCacheApi(stack: AsyncDisposableStack): Promise<string> {
  const kept = new Map<string, Buffer>();
  const server: Server = createServer((request, response) => {
    const url = request.url ?? "";
    const hit = kept.get(url);
    if (request.method === "PUT") {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        kept.set(url, bodyOf(Buffer.concat(chunks)));
        response.writeHead(204).end();
      });
    } else if (hit) response.writeHead(200, { "cf-cache-status": "HIT" }).end(hit);
    else response.writeHead(504, { "cf-cache-status": "MISS" }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stack.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The body of an HTTP response in whole, as it is put. */
function bodyOf(response: Buffer): Buffer {
  const end = response.indexOf("\r\n\r\n");
  const head = response.subarray(0, end).toString("latin1").toLowerCase();
  const body = response.subarray(end + 4);
  return head.includes("transfer-encoding: chunked") ? unchunked(body) : body;
}

function unchunked(body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const line = body.indexOf("\r\n", at);
    const size = Number.parseInt(body.subarray(at, line).toString("latin1"), 16);
    if (!(size > 0)) return Buffer.concat(parts);
    parts.push(body.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}
