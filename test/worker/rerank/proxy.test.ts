import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, expect, test, vi } from "vitest";
import { makeModel, publishTiny } from "../tiny-model.ts";
import { startInFront, visit, visitOrigin } from "./front-worker.ts";
import { originAnswers } from "./origin-worker.ts";
import { orderFor, SHOP_ROUTES, shopHtml, shopJson } from "./shop.ts";

const tiny = await makeModel(1);
const PATH = "/shop/site57";
const order = await orderFor(tiny, { site: "site57" });

beforeAll(async () => {
  await reset();
  await publishTiny(env.MODELS, tiny);
});
beforeEach(() => startInFront(SHOP_ROUTES));

test("the model's order is another than the origin's", () => {
  expect(order).not.toEqual([0, 1, 2, 3]);
});

const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"];
const STATUSES = [200, 203, 204, 206, 301, 302, 304, 404, 500];
const TYPES = [
  "text/html",
  "text/html; charset=windows-1252",
  "text/html; charset=utf-16",
  "application/json",
  "text/css",
];
/** In the letters of `gzip` alone the runtime decodes it. */
const ENCODINGS = ["", "gzip", "GZIP", "deflate"] as const;
const CONDITIONS = ["", "if-none-match", "if-modified-since", "range"];

/** What the page is that the origin answers, and what of it a visitor is to get. */
interface Case {
  method: string;
  status: number;
  type: string;
  encoding: (typeof ENCODINGS)[number];
  condition: string;
}

/** Each value of each dimension beside the usual ones of the others, and all pairs with GET, 200 and a type. */
function cases(): Case[] {
  const all = METHODS.flatMap((method) =>
    STATUSES.flatMap((status) =>
      TYPES.flatMap((type) =>
        ENCODINGS.flatMap((encoding) => CONDITIONS.map((condition) => ({ method, status, type, encoding, condition }))),
      ),
    ),
  );
  const unusual = ({ method, status, type, encoding, condition }: Case): number =>
    [method !== "GET", status !== 200, type !== "text/html", encoding !== "", condition !== ""].filter(Boolean).length;
  return all.filter((one) => unusual(one) <= 2);
}

const HEADERS = {
  etag: '"v1"',
  "last-modified": "Thu, 01 Jan 2026 00:00:00 GMT",
  "accept-ranges": "bytes",
  "cache-control": "public, max-age=60",
  "content-digest": "sha-256=:AAAA:",
  location: "/elsewhere",
  vary: "Accept-Encoding",
  "x-origin": "yes",
};

function headersOf(response: Response): Record<string, string> {
  return Object.fromEntries(response.headers);
}

async function originPage({ method, status, type, encoding }: Case): Promise<Response> {
  const text = type === "application/json" ? shopJson() : shopHtml();
  const headers = new Headers({ ...HEADERS, "content-type": type });
  headers.append("set-cookie", "a=1");
  headers.append("set-cookie", "b=2");
  if ([204, 304].includes(status)) return new Response(null, { status, headers });
  let bytes = await new Response(text).bytes();
  if (encoding !== "") {
    const compressed = new CompressionStream(encoding === "deflate" ? encoding : "gzip");
    bytes = await new Response(new Blob([bytes]).stream().pipeThrough(compressed)).bytes();
    headers.set("content-encoding", encoding);
  }
  headers.set("content-length", String(bytes.length));
  return new Response(method === "HEAD" ? null : bytes, { status, headers, encodeBody: "manual" });
}

/** Why an answer is not re-ranked: what a visitor sees of that; "" where nothing, null where it is. */
function expectedWhy({ method, status, type, encoding }: Case): string | null {
  if (method !== "GET" || status !== 200 || type === "text/css") return "";
  if (["deflate", "GZIP"].includes(encoding)) return "encoding";
  return type.includes("utf-16") ? "charset" : null;
}

test("whatever is asked for, and whatever the origin answers, that is what the visitor gets", async () => {
  const faults: string[] = [];
  for (const one of cases()) {
    const { method, encoding, condition } = one;
    const init = {
      method,
      headers: { "accept-encoding": encoding, cookie: "c=1", ...(condition && { [condition]: '"v1"' }) },
      ...(["POST", "PUT"].includes(method) && { body: "sent" }),
    };
    const bodies: string[] = [];
    const asked = originAnswers(async (request) => {
      bodies.push(await request.text());
      return originPage(one);
    });
    const own = await visitOrigin(PATH, init);
    const [ownHeaders, ownText] = [headersOf(own), await own.text()];
    const answer = await visit(PATH, init);
    const [headers, text] = [headersOf(answer), await answer.text()];
    const why = expectedWhy(one);
    const differs = (what: string, got: unknown, expected: unknown): void => {
      const [a, b] = [JSON.stringify(got), JSON.stringify(expected)];
      if (a !== b) faults.push(`${JSON.stringify(one)}: ${what}: got ${a}, expected ${b}`);
    };
    differs("requests", asked.length, 2);
    differs("method", asked[1]?.method, method);
    differs("url", asked[1]?.url, `https://shop.example${PATH}`);
    differs("body", bodies[1], bodies[0]);
    differs("cookie", asked[1]?.headers.get("cookie"), "c=1");
    const isWhole = method === "GET";
    differs("condition", condition && asked[1]?.headers.get(condition), condition && (isWhole ? null : '"v1"'));
    differs("status", answer.status, own.status);
    differs("cookies", answer.headers.getSetCookie(), own.headers.getSetCookie());
    const reranked = one.type === "application/json" ? shopJson(order) : shopHtml(order);
    differs("text", text, why === null ? reranked : ownText);
    differs("headers", headers, why === "" ? ownHeaders : personal(ownHeaders, why));
  }
  expect(faults).toEqual([]);
});

/** The headers of a page that is one visitor's. */
function personal(own: Record<string, string>, why: string | null): Record<string, string> {
  const { etag, "last-modified": _, "accept-ranges": __, "content-digest": ___, ...kept } = own;
  // What was decoded is not encoded again.
  if (why === null && kept["content-encoding"])
    for (const name of ["encoding", "length"]) delete kept[`content-${name}`];
  const headers: Record<string, string> = {
    ...kept,
    "cache-control": "private, no-cache",
    ...(why !== null && { "server-timing": `rerank;desc="${why}"` }),
    vary: "Accept-Encoding, Cookie",
  };
  return Object.fromEntries(Object.entries(headers).sort(([a], [b]) => (a < b ? -1 : 1)));
}

test.each([
  ["public, max-age=60", ""],
  ["no-store", ", no-store"],
  ["max-age=0, No-Store, must-revalidate, no-transform", ", No-Store, no-transform"],
])("what the origin lets nobody store or change stays so: %s", async (given, stricter) => {
  originAnswers(() => new Response(shopHtml(), { headers: { "content-type": "text/html", "cache-control": given } }));
  const answer = await visit(PATH);
  expect(answer.headers.get("cache-control")).toBe(`private, no-cache${stricter}`);
  expect(await answer.text()).toBe(shopHtml(order));
});

test("no cache in between is told to keep a page, by whatever name it has", async () => {
  const names = ["CDN", "Cloudflare-CDN", "Akamai", "Netlify-CDN", "Vercel-CDN"].map((cdn) => `${cdn}-Cache-Control`);
  const told = [...names, "Surrogate-Control", "Edge-Control"].map((name) => [name, "public, max-age=60"]);
  const headers = {
    "content-type": "text/html",
    "x-cache": "kept",
    ...Object.fromEntries(told),
    "x-accel-expires": "60",
  };
  originAnswers(() => new Response(shopHtml(), { headers }));
  const kept = new Map((await visit(PATH)).headers);
  expect(new Set(kept.keys())).toEqual(new Set(["cache-control", "content-type", "vary", "x-cache"]));
});

test.each(["text/html", "application/json"])(
  "an answer of %s that is said to be encoded, and empty, stays so",
  async (type) => {
    const headers = { "content-type": type, "content-encoding": "gzip", "content-length": "0" };
    originAnswers(() => new Response(new Uint8Array(), { headers, encodeBody: "manual" }));
    const answer = await visit(PATH, { headers: { "accept-encoding": "gzip" } });
    expect(answer.headers.get("server-timing")).toBe('rerank;desc="encoding"');
    expect(answer.headers.get("content-length")).toBe("0");
  },
);

test.each(["text/html", "application/json"])(
  "an answer of %s in chunks that is said to be encoded, and empty, is an empty one",
  async (type) => {
    const nothing = () => new ReadableStream({ start: (controller) => controller.close() });
    for (const encoding of ["gzip", "br"]) {
      const headers = { "content-type": type, "content-encoding": encoding };
      originAnswers(() => new Response(nothing(), { headers, encodeBody: "manual" }));
      const answer = await visit(PATH, { headers: { "accept-encoding": encoding } });
      expect(answer.headers.get("content-encoding")).toBeNull();
      expect(await answer.text()).toBe("");
    }
  },
);

test.each([
  ["text/html", shopHtml(), shopHtml(order)],
  ["application/json", shopJson(), shopJson(order)],
])("of an answer of %s, what can be decoded is the answer, as browsers have it", async (type, sent, got) => {
  const stream = new Blob([sent]).stream().pipeThrough(new CompressionStream("gzip"));
  const bytes = await new Response(stream).bytes();
  const answered = async (body: Uint8Array): Promise<string> => {
    const headers = { "content-type": type, "content-encoding": "gzip" };
    originAnswers(() => new Response(body, { headers, encodeBody: "manual" }));
    return (await visit(PATH, { headers: { "accept-encoding": "gzip" } })).text();
  };
  expect(await answered(Uint8Array.of(...bytes, 10, 120, 120))).toBe(got);
  const cut = await answered(bytes.subarray(0, -20));
  expect(cut.length).toBeGreaterThan(0);
  expect(sent.startsWith(cut)).toBe(true);
  await expect(answered(new TextEncoder().encode("in plain text"))).rejects.toThrow();
});

test.each([
  ["text/html", shopHtml(), shopHtml(order)],
  ["application/json", shopJson(), shopJson(order)],
])("of an answer of %s in chunks, a length that is stated beside them counts for nothing", async (type, sent, got) => {
  startInFront(SHOP_ROUTES, { ORIGIN: "https://origin.example" });
  const headers = { "content-type": type, "content-length": "5", "transfer-encoding": "chunked" };
  using fetching = vi.spyOn(globalThis, "fetch").mockImplementation(async () => new Response(sent, { headers }));
  const answer = await visit(PATH);
  expect(await answer.text()).toBe(got);
  expect(fetching).toHaveBeenCalledTimes(1);
});
