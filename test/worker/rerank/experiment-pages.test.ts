import { createExecutionContext, reset, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import { type ListEvent, parseEvent } from "../../../format/event.ts";
import { checkExposure, type Exposure } from "../../../format/exposure.ts";
import { pageKey } from "../../../format/store.ts";
import { generateToken, writeTokenEntry } from "../../../format/tokens.ts";
import { createApp } from "../../../worker/app.ts";
import type { LineSink } from "../../../worker/exposures/line-sink.ts";
import { loggedErrors, type TestBindings, testBindings } from "../client.ts";
import { listOf, publishPayload, SECRETS } from "../experiments/experiment-worker.ts";
import { makeModel, pageOf, publishTiny } from "../tiny-model.ts";
import { orderFor, SHOP_ROUTES, shopHtml, shopJson } from "./shop.ts";

// Experiments on pages: who sees which order, and what the log has of it.

const tiny = await makeModel(1);
const ORIGIN = { arm: "origin", model: null };
const GREEDY = { arm: "greedy", model: "tiny" };
/** With it, everybody has the model's order. */
const GREEDY_TOO = { arm: "greedy-too", model: "tiny" };
const GONE = { arm: "gone", model: "no-such-model" };
const IDS = ["item0", "item1", "item2", "item3"];
const [{ model: _, ...ROUTE }] = SHOP_ROUTES;
const ROUTES = [{ ...ROUTE, itemPages: "/item/:item" }];
const HTML = { "content-type": "text/html; charset=utf-8", etag: '"1"', "last-modified": "now" };

beforeAll(async () => {
  await reset();
  await publishTiny(env.MODELS, tiny);
});

/** A sink whose lines can be looked at. */
class Lines implements LineSink {
  readonly exposures: Exposure[] = [];
  readonly events: ListEvent[] = [];

  async send(kind: string, lines: readonly Uint8Array[]): Promise<void> {
    for (const line of lines) {
      const text = new TextDecoder().decode(line);
      if (kind === "exposures") this.exposures.push(checkExposure(JSON.parse(text)));
      else this.events.push(parseEvent(text));
    }
  }

  takeOne(): Exposure {
    const lines = this.exposures.splice(0);
    expect(lines).toHaveLength(1);
    return lines[0] as Exposure;
  }
}

/** A Worker in front of an origin with one answer. Each visit waits until all is logged. */
function start(answer: (request: Request) => Response | Promise<Response>, overrides: TestBindings = {}) {
  const lines = new Lines();
  const clock = { ms: Date.now() };
  const app = createApp<TestBindings>({ exposureSink: () => lines, eventSink: () => lines, now: () => clock.ms });
  const asked: Request[] = [];
  const origin = {
    async fetch(request: Request) {
      asked.push(request);
      return answer(request);
    },
  };
  const bindings = {
    ...testBindings({}),
    ...{ RERANK_ROUTES: ROUTES, ORIGIN: origin, EXPERIMENT_SECRETS: SECRETS[0] },
    ...{ EXPERIMENT_UNITS: "uid=cookie:uid", CONSENT_COOKIE: "consent=yes", ...overrides },
  };
  return {
    lines,
    asked,
    clock,
    /** `then` is called once the answer is there. */
    async visit(path: string, headers: Record<string, string> = {}, then = () => {}) {
      const ctx = createExecutionContext();
      const response = await app.fetch(new Request(`https://shop.example${path}`, { headers }), bindings, ctx);
      const text = await response.text();
      then();
      await waitOnExecutionContext(ctx);
      return { response, text };
    },
  };
}

const uid = (n: number): Record<string, string> => ({ cookie: `uid=visitor${n}` });
const rule = { hashAttribute: "uid" };

test("each visitor gets the order of an arm, in each of them alike, and each list has its line", async () => {
  await publishPayload({ features: { ads: listOf([ORIGIN, GREEDY], rule) } });
  const { visit, lines, asked } = start(() => new Response(shopHtml(), { headers: HTML }));
  const order = await orderFor(tiny, { site: "site3" });
  const visits = await Promise.all(
    Array.from({ length: 12 }, (_, n) => visit("/shop/site3", { ...uid(n), "if-none-match": '"1"' })),
  );
  const byId = new Map(lines.exposures.map((line) => [line.id, line]));
  expect(byId.size).toBe(12);
  for (const { response, text } of visits) {
    const { etag, "last-modified": modified, ...headers } = Object.fromEntries(response.headers);
    const line = byId.get(/^list-ads;desc="(.+)"$/.exec(headers["server-timing"] ?? "")?.[1] ?? "") as Exposure;
    expect(text).toBe(shopHtml(line.arm === "origin" ? undefined : order));
    expect(line).toMatchObject({ x: "ranker", list: "ads", served: "arm", cand: IDS, keep: 1 });
    expect(line.shown).toEqual(line.arm === "origin" ? [0, 1, 2, 3] : order);
    expect(line.model).toBe(line.arm === "origin" ? undefined : `tiny@${tiny.version.slice(0, 16)}`);
    expect([etag, modified]).toEqual([undefined, undefined]);
    expect(headers).toMatchObject({ "cache-control": "private, no-cache", vary: "Cookie" });
  }
  expect(new Set(lines.exposures.map(({ arm }) => arm))).toEqual(new Set(["greedy", "origin"]));
  expect(asked.map(({ headers }) => headers.get("if-none-match"))).toEqual(new Array(12).fill(null));
});

test("who has no unit, or is not in the experiment, gets the origin's answer as it is", async () => {
  await publishPayload({ features: { ads: listOf([ORIGIN, GREEDY], { ...rule, coverage: 0 }) } });
  const { visit, lines, asked } = start(() => new Response(shopHtml(), { headers: HTML }));
  for (const headers of [{}, uid(1)]) {
    const { response, text } = await visit("/shop/site3", { ...headers, "if-none-match": '"1"' });
    expect(text).toBe(shopHtml());
    expect(response.headers.get("etag")).toBe('"1"');
    expect(response.headers.get("server-timing")).toBeNull();
    expect(asked.at(-1)?.headers.get("if-none-match")).toBe('"1"');
  }
  expect(lines.exposures).toEqual([]);
});

test("a document's list has its arm too", async () => {
  await publishPayload({ features: { "ads-json": listOf([GREEDY, GREEDY], { ...rule, variations: [GREEDY, GONE] }) } });
  const { visit, lines } = start(() => new Response(shopJson(), { headers: { "content-type": "application/json" } }));
  const order = await orderFor(tiny, { site: "site3" });
  loggedErrors();
  const visits = await Promise.all(Array.from({ length: 12 }, (_, n) => visit("/shop/site3", uid(n))));
  const arms = new Set(lines.exposures.map(({ arm }) => arm));
  for (const line of lines.exposures) {
    const shown = visits.find(({ response }) => response.headers.get("server-timing")?.includes(line.id));
    const isServed = line.arm === "greedy";
    expect(shown?.text).toBe(shopJson(isServed ? order : undefined));
    expect(line).toMatchObject({ list: "ads-json", cand: IDS, served: isServed ? "arm" : "origin" });
    expect(line.why).toBe(isServed ? undefined : "model");
  }
  expect([...arms].sort()).toEqual(["gone", "greedy"]);
});

test("a list that cannot be moved has a line of its arm, and one that is not there has none", async () => {
  await publishPayload({ features: { ads: listOf([ORIGIN, GREEDY], rule) } });
  const unclosed = "<!doctype html><ul id=ads><li id=a>a<li id=b>b</ul>";
  for (const [page, status, why] of [
    [unclosed, 200, "unclosed"],
    ["<p>nothing</p>", 200, null],
    [shopHtml(), 500, null],
  ] as const) {
    const { visit, lines } = start(() => new Response(page, { status, headers: HTML }));
    const { response, text } = await visit("/shop/site3", uid(3));
    expect([response.status, text]).toEqual([status, page]);
    if (why === null) expect(lines.exposures).toEqual([]);
    else expect(lines.takeOne()).toMatchObject({ list: "ads", served: "origin", why });
  }
});

const ADMIN = generateToken();

/** Workers KV whose reads of models wait for `gate`. */
function gatedKv(gate: Promise<void>): KVNamespace {
  const { MODELS } = testBindings({}) as { MODELS: KVNamespace };
  const get = async (key: string, options: object): Promise<unknown> => {
    if (!/^(experiments|payload)/.test(key)) await gate;
    return MODELS.get(key, options);
  };
  return new Proxy(MODELS, {
    get: (target, name) => (name === "get" ? get : Reflect.get(target, name, target).bind(target)),
  });
}

test.each([
  ["in its order", shopHtml(), 'served="arm",why=""'],
  ["too late for it", shopHtml(), 'served="origin",why="budget"'],
  ["not to be moved", "<ul id=ads><li id=a>a<li id=b>b</ul>", 'served="origin",why="unclosed"'],
  ["not there", "<p>nothing</p>", null],
])("a list is counted by its arm as its line says: %s", async (_, page, counted) => {
  await publishPayload({ features: { ads: listOf([GREEDY, GREEDY_TOO], rule) } });
  const isLate = counted?.includes("budget") ?? false;
  const gate = Promise.withResolvers<void>();
  if (!isLate) gate.resolve();
  const { visit, lines } = start(() => new Response(page, { headers: HTML }), {
    RERANK_ROUTES: [{ ...ROUTE, budgetMs: isLate ? 20 : 10_000 }],
    MODELS: gatedKv(gate.promise),
    TOKENS: await writeTokenEntry("metrics", "admin", ADMIN),
  });
  expect((await visit("/shop/site3", uid(1), gate.resolve)).text).toHaveLength(page.length);
  const [line] = lines.exposures;
  expect(line ? `served="${line.served}",why="${line.why ?? ""}"` : null).toBe(counted);
  const { text } = await visit("/metrics", { authorization: `Bearer ${ADMIN}` });
  expect(text.match(/(?<=assignments_total{.*)served=.*(?=} 1$)/gm)).toEqual(counted === null ? null : [counted]);
});

test("visitors who consent get an id of their own, whether they are in the experiment or not", async () => {
  const anonymous = { EXPERIMENT_UNITS: "uid=anonymous" };
  for (const coverage of [1, 0]) {
    await publishPayload({ features: { ads: listOf([ORIGIN, GREEDY], { ...rule, coverage }) } });
    const { visit, lines } = start(() => new Response(shopHtml(), { headers: HTML }), anonymous);
    const { response, text } = await visit("/shop/site3", { cookie: "consent=yes" });
    const cookies = response.headers.getSetCookie();
    expect(cookies.filter((cookie) => cookie.startsWith("__Host-deepfm-unit="))).toHaveLength(1);
    expect(lines.exposures.splice(0)).toHaveLength(coverage);
    const [own] = (cookies[0] ?? "").split(";");
    const again = await visit("/shop/site3", { cookie: `consent=yes; ${own}` });
    expect(again.response.headers.getSetCookie().join()).not.toContain("__Host-deepfm-unit=");
    expect(again.text).toBe(text);
    const without = await visit("/shop/site3");
    expect(without.response.headers.getSetCookie()).toEqual([]);
  }
});

test("consent that is taken back takes the cookies with it where experiments are off, too", async () => {
  await publishPayload({ features: { ads: listOf([ORIGIN, GREEDY], rule) } });
  const units = { EXPERIMENT_UNITS: "uid=anonymous" };
  const page = () => new Response(shopHtml(), { headers: HTML });
  const made = await start(page, units).visit("/shop/site3", { cookie: "consent=yes" });
  const [own] = (made.response.headers.getSetCookie()[0] ?? "").split(";");
  const { visit, asked } = start(page, { ...units, EXPERIMENTS: "off" });
  const cookiesOf = async (cookie: string): Promise<string[]> =>
    (await visit("/shop/site3", { cookie, "if-none-match": '"1"' })).response.headers.getSetCookie();
  expect(await cookiesOf(`consent=no; ${own}`)).toEqual([expect.stringMatching(/^__Host-deepfm-unit=;.*Max-Age=0$/)]);
  expect(await cookiesOf(`consent=yes; ${own}`)).toEqual([]);
  expect(asked.map(({ headers }) => headers.get("if-none-match"))).toEqual([null, '"1"']);
});

test("an answer that is not modified keeps no cookie from who is in no experiment", async () => {
  await publishPayload({ features: { ads: listOf([ORIGIN, GREEDY], { ...rule, coverage: 0 }) } });
  const { visit } = start(
    ({ headers }) =>
      headers.has("if-none-match")
        ? new Response(null, { status: 304, headers: HTML })
        : new Response(shopHtml(), { headers: HTML }),
    { EXPERIMENT_UNITS: "uid=anonymous" },
  );
  const again = { "if-none-match": '"1"' };
  const consents = await visit("/shop/site3", { cookie: "consent=yes", ...again });
  const [made] = consents.response.headers.getSetCookie();
  expect(made).toContain("__Host-deepfm-unit=");
  expect(consents.text).toBe(shopHtml());
  const own = made?.split(";")[0];
  const withdraws = await visit("/shop/site3", { cookie: `consent=no; ${own}`, ...again });
  expect(withdraws.response.headers.getSetCookie()).toEqual([expect.stringContaining("Max-Age=0")]);
  expect((await visit("/shop/site3", { cookie: `consent=yes; ${own}`, ...again })).response.status).toBe(304);
});

test("the next navigation to an item's page is a click on the list, once the visitor has consented", async () => {
  await publishPayload({ features: { ads: listOf([ORIGIN, GREEDY], rule) } });
  const { visit, lines, asked } = start(() => new Response(shopHtml(), { headers: HTML }));
  const { response } = await visit("/shop/site3?page=2", { cookie: "uid=visitor1; consent=yes" });
  const [list] = (response.headers.getSetCookie()[0] ?? "").split(";");
  expect(list).toMatch(/^__Host-deepfm-lists=/);
  const line = lines.takeOne();
  const referer = "https://shop.example/shop/site3?page=2";
  const cookie = `uid=visitor1; consent=yes; ${list}`;
  // The third last character: the last one has bits that no byte has.
  const forged = `${list?.slice(0, -3)}${list?.at(-3) === "A" ? "B" : "A"}${list?.slice(-2)}`;
  await visit("/item/item2", { cookie, referer });
  expect(lines.events.splice(0)).toMatchObject([{ id: line.id, type: "click", item: "item2" }]);
  for (const headers of [
    { cookie },
    { cookie, referer: "https://shop.example/shop/other" },
    { cookie, referer, "sec-purpose": "prefetch" },
    { cookie: `uid=visitor1; ${list}`, referer },
    { cookie: `uid=visitor2; consent=yes; ${list}`, referer },
    { cookie: `uid=visitor1; consent=yes; ${forged}`, referer },
  ])
    await visit("/item/item2", headers as Record<string, string>);
  expect(lines.events).toEqual([]);
  expect(asked).toHaveLength(8);
});

test("a click is on the lists that the page has: on each of them, and on none of documents", async () => {
  await publishPayload({
    features: {
      ...{ ads: listOf([ORIGIN, GREEDY], rule), more: listOf([ORIGIN, GREEDY], rule) },
      "ads-json": listOf([ORIGIN, GREEDY], rule),
    },
  });
  const more = { ...{ type: "html", name: "more", list: "#more", items: "#more > a" }, id: { attribute: "id" } };
  const RERANK_ROUTES = [{ ...ROUTES[0], lists: [...ROUTES[0].lists.toReversed(), more] }];
  const page = `${shopHtml()}<div id=more><a id=item7></a><a id=item2></a></div>`;
  const { visit, lines } = start(
    ({ url }) => (url.endsWith("json") ? Response.json(JSON.parse(shopJson())) : new Response(page, { headers: HTML })),
    { RERANK_ROUTES },
  );
  const cookie = "uid=visitor1; consent=yes";
  const document = await visit("/shop/json", { cookie });
  expect(lines.takeOne().list).toBe("ads-json");
  expect(document.response.headers.getSetCookie()).toEqual([]);
  const { response } = await visit("/shop/site3", { cookie });
  const ids = new Map(lines.exposures.map(({ list, id }) => [list, id]));
  expect([...ids.keys()].sort()).toEqual(["ads", "more"]);
  const [list] = (response.headers.getSetCookie()[0] ?? "").split(";");
  await visit("/item/item7", { cookie: `${cookie}; ${list}`, referer: "https://shop.example/shop/site3" });
  expect(lines.events.map(({ id, item }) => [id, item])).toEqual(
    ["ads", "more"].map((name) => [ids.get(name), "item7"]),
  );
});

test("a click is on no list of another unit than the page's first list has", async () => {
  const bySession = { hashAttribute: "session" };
  await publishPayload({
    features: { ads: listOf([ORIGIN, GREEDY], rule), more: listOf([ORIGIN, GREEDY], bySession) },
  });
  const more = { ...{ type: "html", name: "more", list: "#more", items: "#more > a" }, id: { attribute: "id" } };
  const RERANK_ROUTES = [{ ...ROUTES[0], lists: [ROUTES[0].lists[0], more] }];
  const page = `${shopHtml()}<div id=more><a id=item7></a><a id=item2></a></div>`;
  const { visit, lines } = start(() => new Response(page, { headers: HTML }), {
    ...{ RERANK_ROUTES, EXPERIMENT_UNITS: "uid=cookie:uid session=cookie:session" },
  });
  const cookie = "uid=visitor1; session=s1; consent=yes";
  const { response } = await visit("/shop/site3", { cookie });
  const ids = new Map(lines.exposures.map(({ list, id }) => [list, id]));
  expect([...ids.keys()].sort()).toEqual(["ads", "more"]);
  const [list] = (response.headers.getSetCookie()[0] ?? "").split(";");
  await visit("/item/item7", { cookie: `${cookie}; ${list}`, referer: "https://shop.example/shop/site3" });
  expect(lines.events.map(({ id, item }) => [id, item])).toEqual([[ids.get("ads"), "item7"]]);
});

test("clicks without a script have the rate limit of reported events, for each list", async () => {
  await publishPayload({ features: { ads: listOf([ORIGIN, GREEDY], rule) } });
  const calls = new Map<string, number>();
  const limit = async ({ key }: { key: string }) => {
    calls.set(key, (calls.get(key) ?? 0) + 1);
    return { success: (calls.get(key) ?? 0) <= 2 };
  };
  const { visit, lines, asked } = start(() => new Response(shopHtml(), { headers: HTML }), {
    EVENT_RATE_LIMIT: { limit },
  });
  for (const n of [1, 2]) {
    const { response } = await visit("/shop/site3", { cookie: `uid=visitor${n}; consent=yes` });
    const cookie = `uid=visitor${n}; consent=yes; ${response.headers.getSetCookie()[0]?.split(";")[0]}`;
    const referer = "https://shop.example/shop/site3";
    for (const item of ["item0", "item1", "item2", "item3"]) await visit(`/item/${item}`, { cookie, referer });
    expect(lines.events.splice(0).map(({ item }) => item)).toEqual(["item0", "item1"]);
    expect([...calls]).toContainEqual([`events ${lines.takeOne().id}`, 4]);
  }
  expect(asked).toHaveLength(10);
});

/** Workers KV whose reads of experiments give a byte and then hang, from `hang` on until `release` is called. */
function hangingKv() {
  const { MODELS } = testBindings({}) as { MODELS: KVNamespace };
  const streams: ReadableStreamDefaultController<Uint8Array>[] = [];
  let hangs = false;
  const get = (key: string, options: object): unknown =>
    hangs && /experiments|payload/.test(key)
      ? Promise.resolve(
          new ReadableStream<Uint8Array>({
            start(controller) {
              controller.enqueue(new TextEncoder().encode("{"));
              streams.push(controller);
            },
          }),
        )
      : MODELS.get(key, options);
  const kv = new Proxy(MODELS, {
    get: (target, name) => (name === "get" ? get : Reflect.get(target, name, target).bind(target)),
  });
  return {
    kv,
    hang: () => {
      hangs = true;
    },
    /** Returns how many reads there were. */
    release(): number {
      for (const stream of streams) stream.error(new Error("released"));
      hangs = false;
      return streams.splice(0).length;
    },
  };
}

test("while the source of experiments hangs, a page goes out as the last payload says, or as it is without one", async () => {
  await publishPayload({ features: { ads: listOf([GREEDY, GREEDY_TOO], rule) } });
  const order = await orderFor(tiny, { site: "site3" });
  loggedErrors();
  for (const isKnown of [true, false]) {
    const { kv, hang, release } = hangingKv();
    const { visit, lines, clock } = start(() => new Response(shopHtml(), { headers: HTML }), { MODELS: kv });
    if (isKnown) expect((await visit("/shop/site3", uid(1))).text).toBe(shopHtml(order));
    lines.exposures.splice(0);
    hang();
    // What an isolate knows is too old now, so that a request waits for the source.
    clock.ms += 60_000;
    let reads = 0;
    const { response, text } = await visit("/shop/site3", uid(1), () => {
      reads = release();
    });
    expect(reads).toBe(1); // it hung until the page was there
    expect(text).toBe(shopHtml(isKnown ? order : undefined));
    expect(response.headers.get("etag")).toBe(isKnown ? null : HTML.etag);
    if (isKnown) expect(lines.takeOne()).toMatchObject({ x: "ranker", served: "arm" });
    else expect(lines.exposures).toEqual([]);
  }
});

/** Workers KV that remembers which keys were asked for. */
function watchedKv() {
  const { MODELS } = testBindings({}) as { MODELS: KVNamespace };
  const keys: string[] = [];
  const get = (key: string | string[], options: object): unknown => {
    keys.push(...[key].flat());
    return MODELS.get(key as string, options);
  };
  const kv = new Proxy(MODELS, {
    get: (target, name) => (name === "get" ? get : Reflect.get(target, name, target).bind(target)),
  });
  return { kv, keys };
}

test.each<[string, object, object]>([
  ["of an arm", { ads: listOf([GREEDY, GREEDY_TOO], rule) }, ROUTE],
  ["of a route", {}, SHOP_ROUTES[0] as object],
])(
  "while the origin answers, the model %s is loaded, and the rows of the context are read",
  async (_, features, route) => {
    await publishPayload({ features });
    const { kv, keys } = watchedKv();
    const page = pageKey(tiny.pages[pageOf("site", "site57", tiny)]?.digest as Uint8Array);
    let asked: number | null = null;
    const answer = async () => {
      for (let ms = 0; ms < 2000 && !keys.includes(page); ms += 10) await scheduler.wait(10);
      asked = keys.filter((key) => key === page).length;
      return new Response(shopHtml(), { headers: HTML });
    };
    const { visit } = start(answer, { MODELS: kv, RERANK_ROUTES: [route] });
    const { text } = await visit("/shop/site57", uid(1));
    expect(asked).toBe(1);
    expect(text).toBe(shopHtml(await orderFor(tiny, { site: "site57" })));
    expect(keys.filter((key) => key === page)).toHaveLength(1);
  },
);

test.each<[string, () => Response | Promise<Response>]>([
  ["a redirect to itself", () => new Response(null, { status: 302, headers: { location: "/shop/site3" } })],
  ["500", () => new Response("<h1>broken</h1>", { status: 500, headers: HTML })],
  ["another type", () => new Response(shopHtml(), { headers: { "content-type": "text/plain", etag: '"1"' } })],
  ["an answer that comes late", () => scheduler.wait(400).then(() => new Response("late", { headers: HTML }))],
])("what the origin answers is what a visitor of an arm gets, asked for once: %s", async (_, answer) => {
  await publishPayload({ features: { ads: listOf([GREEDY, GREEDY_TOO], rule) } });
  let isWell = true;
  const { visit, asked } = start(() => (isWell ? new Response(shopHtml(), { headers: HTML }) : answer()));
  expect((await visit("/shop/site3", uid(1))).text).toBe(shopHtml(await orderFor(tiny, { site: "site3" })));
  isWell = false;
  const [{ response, text }, own] = await Promise.all([visit("/shop/site3", uid(1)), answer()]);
  expect([response.status, text]).toEqual([own.status, await own.text()]);
  expect(response.headers.get("location")).toBe(own.headers.get("location"));
  expect(asked).toHaveLength(2);
});
