// The Worker in front of an origin over real connections: what a visitor gets of each answer, byte by byte, is compared
// with what the origin sends.
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from "node:zlib";
import { show } from "../../format/errors.ts";
import { type Checked, shopPage } from "./page.ts";

const page = Buffer.from(shopPage());
const TURNED = shopPage(true);
const HTML = { "content-type": "text/html; charset=utf-8", etag: '"v1"', "cache-control": "max-age=60" };
const length = (bytes: Buffer) => ({ "content-length": String(bytes.length) });
const [zipped, brotli] = [gzipSync(page), brotliCompressSync(page)];
/** Bytes after which an origin that breaks off does so: within the list. */
const CUT = page.indexOf('data-sku="sku-25"');

/** What the origin answers, by the value of the parameter `case`. */
const ANSWERS: Record<string, (response: ServerResponse) => void> = {
  plain: (response) => response.writeHead(200, { ...HTML, ...length(page) }).end(page),
  chunked: (response) => response.writeHead(200, HTML).end(page),
  "byte by byte": (response) => {
    response.writeHead(200, HTML);
    for (let at = 0; at < page.length; at += 97) response.write(page.subarray(at, at + 97));
    response.end();
  },
  gzip: (response) => response.writeHead(200, { ...HTML, ...length(zipped), "content-encoding": "gzip" }).end(zipped),
  br: (response) => response.writeHead(200, { ...HTML, ...length(brotli), "content-encoding": "br" }).end(brotli),
  "other encoding": (response) => response.writeHead(200, { ...HTML, "content-encoding": "x-other" }).end(zipped),
  error: (response) => response.writeHead(500, { ...HTML, ...length(page) }).end(page),
  redirect: (response) => response.writeHead(302, { location: "/rerank?case=redirect" }).end(),
  "no content": (response) => response.writeHead(204).end(),
  image: (response) => response.writeHead(200, { "content-type": "image/png", etag: '"v1"' }).end(zipped),
  cut: (response) => {
    response.writeHead(200, { ...HTML, ...length(page) });
    response.write(page.subarray(0, CUT), () => setTimeout(() => response.destroy(), 100));
  },
};
/** What the runtime decodes, and does not encode again. */
const DECODED = new Set(["gzip", "br"]);

/** An answer as it came over a connection. */
interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  bytes: Buffer;
  /** Whether the connection ended before the answer did. */
  cut: boolean;
}

/** Starts an origin that answers by the parameter `case`, and else with the page. `count`: of its requests. */
export async function startOrigin(): Promise<{ server: Server; address: string; count: () => number }> {
  let count = 0;
  const server = createServer((incoming, response) => {
    count++;
    const name = new URL(incoming.url ?? "", "http://origin").searchParams.get("case") ?? "plain";
    ANSWERS[name](response);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { server, address: `127.0.0.1:${(server.address() as AddressInfo).port}`, count: () => count };
}

/** What is wrong with the answers of a Worker at `url` that turns lists round. */
export async function faultsOverHttp(url: URL, origin: { address: string; count: () => number }): Promise<Checked> {
  const faults: string[] = [];
  let times = 0;
  for (const name of Object.keys(ANSWERS)) {
    // A HEAD has nothing that could be cut.
    for (const method of name === "cut" ? ["GET"] : ["GET", "HEAD", "POST"]) {
      const path = `/rerank?case=${encodeURIComponent(name)}`;
      const own = await ask(method, `http://${origin.address}${path}`);
      const before = origin.count();
      const answer = await ask(method, new URL(path, url).href);
      const expect = (what: string, got: unknown, expected: unknown): void => {
        times++;
        if (got !== expected) faults.push(`${method} ${name}: ${what}: got ${show(got)}, expected ${show(expected)}`);
      };
      const isPage = method === "GET" && own.status === 200 && name !== "image";
      expect("requests", origin.count() - before, 1);
      expect("status", answer.status, own.status);
      expect("location", answer.headers.location, own.headers.location);
      expect("type", answer.headers["content-type"], own.headers["content-type"]);
      const isDecoded = isPage && DECODED.has(name);
      expect("encoding", answer.headers["content-encoding"], isDecoded ? undefined : own.headers["content-encoding"]);
      expect("cut", answer.cut, own.cut);
      expect("etag", answer.headers.etag, isPage ? undefined : own.headers.etag);
      if (!isDecoded) expect("length", answer.headers["content-length"], own.headers["content-length"]);
      const isTurned = isPage && !["other encoding", "cut"].includes(name);
      expect("bytes", answer.bytes.length, isDecoded ? answer.bytes.length : own.bytes.length);
      expect("text", textOf(answer), isTurned ? TURNED : textOf(own));
    }
  }
  return { pages: Object.keys(ANSWERS).length, times, faults };
}

function textOf({ headers, bytes }: Answer): string {
  if (bytes.length === 0) return "";
  if (headers["content-encoding"] === "gzip") return String(gunzipSync(bytes));
  if (headers["content-encoding"] === "br") return String(brotliDecompressSync(bytes));
  return bytes.toString("latin1") === bytes.toString("utf8") ? String(bytes) : bytes.toString("hex");
}

function ask(method: string, url: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { "accept-encoding": "gzip, br", "if-none-match": '"v2"' };
    const sending = request(url, { method, headers, agent: false, timeout: 10_000 }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part) => parts.push(part));
      const end = (cut: boolean) => () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes: Buffer.concat(parts), cut });
      response.on("end", end(false)).on("error", end(true));
    });
    sending.on("error", reject).on("timeout", () => sending.destroy(new Error(`${method} ${url}: no answer`)));
    sending.end(method === "POST" ? "sent" : undefined);
  });
}
