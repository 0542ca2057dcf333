import { createExecutionContext } from "cloudflare:test";
import { exports } from "cloudflare:workers";
import { describe, expect, test, vi } from "vitest";
import { MEMORY } from "../../../worker/limits.ts";
import { MemoryBudget } from "../../../worker/memory/memory-budget.ts";
import { expositionOf } from "../../../worker/metrics/exposition.ts";
import { RerankCounters } from "../../../worker/metrics/rerank-counters.ts";
import type { Arranging, BeginArranging, Begun } from "../../../worker/rerank/arranging.ts";
import { compileRoutes } from "../../../worker/rerank/compiled-routes.ts";
import type { OriginFetcher } from "../../../worker/rerank/rerank-bindings.ts";
import { Reranker } from "../../../worker/rerank/reranker.ts";
import type { Why } from "../../../worker/rerank/why.ts";
import { loggedErrors } from "../client.ts";
import { originAnswers } from "./origin-worker.ts";
import { SHOP_ROUTES, shopHtml, shopJson } from "./shop.ts";

const BACKWARDS = [3, 2, 1, 0];
const backwards: Arranging["arrange"] = async () => ({ shown: BACKWARDS });
const origin = exports.OriginWorker as OriginFetcher;
const HTML = { "content-type": "text/html; charset=utf-8" };
const JSON_TYPE = { "content-type": "application/json" };

interface Visited {
  answer: Response;
  /** What was said of lists. */
  sent: [string, Why | null][];
  /** Whether all that goes on after the answer has ended. */
  ended: Promise<unknown>;
  metrics: () => string;
  memory: MemoryBudget;
}

interface Visit {
  arrange?: Arranging["arrange"];
  begin?: BeginArranging;
  budgetMs?: number;
  memory?: MemoryBudget;
  signal?: AbortSignal;
  from?: OriginFetcher;
}

const NOBODY: Begun = { arranging: null, cookies: [] };

/** Asks a re-ranker for a page of the shop. */
async function visit({
  arrange = backwards,
  begin,
  budgetMs = 10_000,
  memory,
  signal,
  from = origin,
}: Visit = {}): Promise<Visited> {
  const sent: Visited["sent"] = [];
  const ctx = createExecutionContext();
  const pending: Promise<unknown>[] = [];
  const counters = new RerankCounters();
  const arranging = { arrange, sent: (list: string, why: Why | null) => sent.push([list, why]) };
  const budget = memory ?? new MemoryBudget(Date.now);
  const reranker = new Reranker(
    begin ?? (() => ({ arranging: arranging as Arranging, cookies: [] })),
    budget,
    counters,
  );
  const [route] = compileRoutes(SHOP_ROUTES.map((one) => ({ ...one, budgetMs })));
  const request = new Request("https://shop.example/shop/a", { ...(signal && { signal }) });
  const keepAlive = (promise: Promise<unknown>): void => {
    pending.push(promise);
    ctx.waitUntil(promise);
  };
  const answer = await reranker.answer({ request, route, groups: {}, origin: from, env: {}, keepAlive });
  const ended = Promise.all(pending);
  return { answer, sent, ended, memory: budget, metrics: () => expositionOf(counters.families()) };
}

function answersHtml(): void {
  originAnswers(() => new Response(shopHtml(), { headers: HTML }));
}

test.each(["0", "5", "99999", "0x10", "1e3", "-1", "", "abc", "282, 282"])(
  "a Worker behind a binding may state the length %j, and visitors get all of its body all the same",
  async (length) => {
    originAnswers(() => new Response(shopHtml(), { headers: { ...HTML, "content-length": length } }));
    const html = await visit();
    expect(await html.answer.text()).toBe(shopHtml(BACKWARDS));
    expect(html.sent).toEqual([["ads", null]]);
    const tooLong = `${shopJson()}${" ".repeat(2 ** 21)}`;
    originAnswers(() => new Response(tooLong, { headers: { ...JSON_TYPE, "content-length": length } }));
    const json = await visit();
    expect(await json.answer.text()).toBe(tooLong);
    expect(json.sent).toEqual([["ads-json", "too-long"]]);
    await Promise.all([html.ended, json.ended]);
  },
);

test("a list in its order, and what is counted", async () => {
  answersHtml();
  const { answer, sent, ended, metrics, memory } = await visit();
  expect(await answer.text()).toBe(shopHtml(BACKWARDS));
  await ended;
  expect(sent).toEqual([["ads", null]]);
  expect(metrics()).toContain('deepfm_edge_reranked_lists_total{result="arranged"} 1');
  expect(memory.report().taken.requests).toBe(0);
});

test("of a page that cannot be decoded nothing is said of the lists of documents, which are not in it", async () => {
  for (const [type, list] of [
    [HTML, "ads"],
    [JSON_TYPE, "ads-json"],
  ] as const) {
    originAnswers(() => new Response("encoded", { headers: { ...type, "content-encoding": "other" } }));
    const { answer, sent, ended } = await visit();
    await Promise.all([answer.text(), ended]);
    expect(sent).toEqual([[list, "encoding"]]);
  }
});

test("a page of the route gets the cookies of who arranges its lists, for no cache to keep, and other answers do not", async () => {
  const cookies = ["a=1; Secure", "b=2"];
  for (const begin of [() => ({ arranging: { arrange: backwards }, cookies }), () => ({ arranging: null, cookies })])
    await expectCookies(begin);
});

async function expectCookies(begin: BeginArranging): Promise<void> {
  for (const [headers, text, cookies] of [
    [HTML, shopHtml(), ["o=3", "a=1; Secure", "b=2"]],
    [JSON_TYPE, shopJson(), ["o=3", "a=1; Secure", "b=2"]],
    [{ "content-type": "text/css" }, "", ["o=3"]],
  ] as const) {
    originAnswers(
      () => new Response(text, { headers: { ...headers, "set-cookie": "o=3", "cache-control": "public" } }),
    );
    const { answer, ended } = await visit({ begin });
    expect(answer.headers.getSetCookie()).toEqual(cookies);
    expect(answer.headers.get("cache-control")).toBe(cookies.length > 1 ? "private, no-cache" : "public");
    await answer.text();
    await ended;
  }
}

const NEVER = new Promise<never>(() => {});
const FAULTS: [string, Visit, Why][] = [
  ["an order that is too late", { arrange: () => NEVER, budgetMs: 20 }, "budget"],
  ["an order that fails", { arrange: () => Promise.reject(new Error("forced")) }, "model"],
  [
    "an order that throws at once",
    {
      arrange: () => {
        throw new Error("forced");
      },
    },
    "model",
  ],
  ["an order that says why not", { arrange: async () => ({ why: "memory" }) }, "memory"],
  ["an order that is too short", { arrange: async () => ({ shown: [0] }) }, "model"],
  ["an order that has an item twice", { arrange: async () => ({ shown: [0, 1, 2, 2] }) }, "model"],
  ["an order beyond the list", { arrange: async () => ({ shown: [0, 1, 2, 4] }) }, "model"],
  ["no memory", { memory: fullMemory() }, "memory"],
];

describe("the origin's order", () => {
  test.each(FAULTS)("%s, of a page", async (_, options, why) => {
    answersHtml();
    const { answer, sent, ended } = await visit(options);
    expect(await answer.text()).toBe(shopHtml());
    await ended;
    expect(sent.find(([list]) => list === "ads")).toEqual(["ads", why]);
  });

  test.each(FAULTS)("%s, of a document", async (_, options, why) => {
    originAnswers(() => new Response(shopJson(), { headers: JSON_TYPE }));
    const { answer, sent, ended } = await visit(options);
    expect(await answer.text()).toBe(shopJson());
    await ended;
    expect(answer.headers.get("server-timing")).toBe(`rerank;desc="${why}"`);
    expect(sent.find(([list]) => list === "ads-json")).toEqual(["ads-json", why]);
  });
});

/** A budget with no byte left for requests. */
function fullMemory(): MemoryBudget {
  const memory = new MemoryBudget(Date.now);
  memory.lease("requests").resize(MEMORY.oneRequest);
  const rest = MEMORY.requests - MEMORY.oneRequest;
  for (let taken = 0; taken < rest; taken += MEMORY.smallRequest) memory.lease("requests").resize(MEMORY.smallRequest);
  return memory;
}

describe("who is in no experiment gets the origin's answer as it is", () => {
  const BEGINS: [string, BeginArranging, boolean][] = [
    ["nobody arranges", () => NOBODY, false],
    ["nobody arranges, later", async () => NOBODY, false],
    ["it fails", () => Promise.reject(new Error("forced")), true],
    [
      "it throws",
      () => {
        throw new Error("forced");
      },
      true,
    ],
    ["it takes too long", () => NEVER, true],
  ];
  test.each(BEGINS)("%s", async (_, begin, isFault) => {
    const errors = loggedErrors();
    const headers = { ...HTML, etag: '"x"', "cache-control": "max-age=60" };
    const asked = originAnswers(() => new Response(shopHtml(), { headers }));
    const { answer, metrics } = await visit({ begin });
    expect(await answer.text()).toBe(shopHtml());
    expect(Object.fromEntries(answer.headers)).toMatchObject(headers);
    expect(asked).toHaveLength(1);
    expect(metrics().includes('result="experiment"} 2')).toBe(isFault);
    expect(errors()).toHaveLength(isFault ? 1 : 0);
  });
});

/** A body in parts. After the first one is read, it waits for `then`; where that rejects, it breaks off. */
function inParts(parts: readonly (string | Uint8Array)[], then: () => Promise<void>): ReadableStream {
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  const send = async (): Promise<void> => {
    for (const [i, part] of parts.entries()) {
      if (i > 0) await then();
      await writer.write(typeof part === "string" ? new TextEncoder().encode(part) : part);
    }
    if (parts.length === 1) await then();
    await writer.close();
  };
  send().catch((error) => writer.abort(error));
  return readable;
}

test("the first bytes leave before the origin has sent the list, and what is before a list does not wait for it", async () => {
  const gate = Promise.withResolvers<void>();
  const [head, list] = [shopHtml().split("<ul")[0], `<ul${shopHtml().split("<ul")[1]}`];
  originAnswers(
    () =>
      new Response(
        inParts([head, list], () => gate.promise),
        { headers: HTML },
      ),
  );
  const { answer, ended } = await visit();
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  let text = "";
  while (text.length < head.length) text += new TextDecoder().decode((await reader.read()).value);
  expect(text).toBe(head);
  gate.resolve();
  for (let read = await reader.read(); !read.done; read = await reader.read())
    text += new TextDecoder().decode(read.value);
  expect(text).toBe(shopHtml(BACKWARDS));
  await ended;
});

test("a list leaves when it is there, though the origin goes on", async () => {
  const gate = Promise.withResolvers<void>();
  const [list, rest] = shopHtml().split("<p>");
  originAnswers(
    () =>
      new Response(
        inParts([list, `<p>${rest}`], () => gate.promise),
        { headers: HTML },
      ),
  );
  const { answer, ended } = await visit();
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  let text = "";
  while (!text.endsWith("</ul>")) text += new TextDecoder().decode((await reader.read()).value);
  expect(text).toBe(shopHtml(BACKWARDS).split("<p>")[0]);
  gate.resolve();
  for (let read = await reader.read(); !read.done; read = await reader.read())
    text += new TextDecoder().decode(read.value);
  expect(text).toBe(shopHtml(BACKWARDS));
  await ended;
});

test.each([
  ["within a list", shopHtml().indexOf("item2"), [0, 1, 2, 3], HTML],
  ["after it", new TextEncoder().encode(shopHtml()).length - 2, BACKWARDS, HTML],
  ["before it", 5, [0, 1, 2, 3], HTML],
  ["of a document", 40, [0, 1, 2, 3], JSON_TYPE],
])("where the origin breaks off, the visitor gets all that it has sent: %s", async (_, bytes, order, headers) => {
  const bytesOf = (of: number[]) => new TextEncoder().encode(headers === HTML ? shopHtml(of) : shopJson(of));
  const passed = Promise.withResolvers<void>();
  const cut = async (): Promise<void> => {
    if (order === BACKWARDS) await passed.promise;
    throw new Error("cut");
  };
  originAnswers(() => new Response(inParts([bytesOf([0, 1, 2, 3]).slice(0, bytes)], cut), { headers }));
  const { answer, sent } = await visit();
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  let text = "";
  const readAll = async (): Promise<void> => {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      text += new TextDecoder().decode(read.value);
      if (text.includes("</ul>")) passed.resolve();
    }
  };
  await expect(readAll()).rejects.toThrow();
  expect(text).toBe(new TextDecoder().decode(bytesOf(order).slice(0, bytes)));
  expect(sent).toHaveLength(1);
});

test.each([
  ["status", 404, HTML],
  ["type", 200, { "content-type": "text/plain" }],
] as const)("an answer that is no page of the route: %s", async (why, status, headers) => {
  originAnswers(() => new Response(shopHtml(), { status, headers }));
  const { answer, sent } = await visit();
  expect(await answer.text()).toBe(shopHtml());
  expect(answer.headers.get("server-timing")).toBeNull();
  expect(sent).toEqual([
    ["ads", why],
    ["ads-json", why],
  ]);
});

test("where the visitor goes, nothing of the page stays in memory", async () => {
  const endless = new TextEncoder().encode("<p>more</p>".repeat(1000));
  originAnswers(
    () => new Response(new ReadableStream({ pull: (controller) => controller.enqueue(endless) }), { headers: HTML }),
  );
  const { answer, memory, ended } = await visit();
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  await reader.read();
  expect(memory.report().taken.requests).toBeGreaterThan(0);
  await reader.cancel();
  await ended;
  expect(memory.report().taken.requests).toBe(0);
});

test.each([
  ["pages", HTML, `<ul id=ads><li id=a>${"x".repeat(2 ** 20 - 100)}`],
  ["documents", JSON_TYPE, `{"ads":[{"id":"${"x".repeat(2 ** 20)}`],
] as const)("%s that an origin does not end leave their memory to others after a while", async (_, headers, begun) => {
  const clock = { ms: 0 };
  const memory = new MemoryBudget(() => clock.ms);
  const origins: ReadableStreamDefaultController[] = [];
  const start = (controller: ReadableStreamDefaultController): void => {
    controller.enqueue(new TextEncoder().encode(begun));
    origins.push(controller);
  };
  const from = { fetch: async () => new Response(new ReadableStream({ start }), { headers }) };
  const visits = Array.from({ length: 9 }, () => visit({ memory, budgetMs: 300, from }));
  await vi.waitFor(() => expect(memory.report().taken.requests).toBeGreaterThan(MEMORY.requests - MEMORY.oneRequest));
  const other = memory.lease("requests");
  expect(other.tryResize(MEMORY.oneRequest)).toBe(false);
  clock.ms += 6_000;
  expect(other.tryResize(MEMORY.oneRequest)).toBe(true);
  for (const stalled of origins) stalled.close();
  for (const { answer, ended } of await Promise.all(visits)) {
    expect(await answer.text()).toBe(begun);
    await ended;
  }
});

test("a document that is too long goes through", async () => {
  const long = `{"long":"${"x".repeat(3 * 2 ** 20)}","ads":[{"id":1},{"id":2}]}`;
  originAnswers(() => new Response(long, { headers: JSON_TYPE }));
  const { answer, ended } = await visit();
  expect(await answer.text()).toBe(long);
  expect(answer.headers.get("server-timing")).toBe('rerank;desc="too-long"');
  await ended;
});

test("what the origin itself fails with is the runtime's to say", async () => {
  const asked = originAnswers(() => Promise.reject(new Error("no origin")));
  await expect(visit()).rejects.toThrow("no origin");
  expect(asked).toHaveLength(1);
});
