import { createExecutionContext, reset, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { createApp } from "../../../worker/app.ts";
import { compileRoutes } from "../../../worker/rerank/compiled-routes.ts";
import { ADMIN_ENTRY, loggedErrors, startWorker, testBindings } from "../client.ts";
import { makeModel, publishTiny } from "../tiny-model.ts";
import { startInFront, visit } from "./front-worker.ts";
import { originAnswers } from "./origin-worker.ts";
import { orderFor, SHOP_ROUTES, shopHtml, shopJson } from "./shop.ts";

const ADS = Array.from({ length: 3 }, (_, i) => ({ ad: `ad${i}`, price: 2 * i }));
const tiny = await makeModel(1, { items: ADS });

beforeAll(async () => {
  await reset();
  await publishTiny(env.MODELS, tiny);
});

const HTML = { "content-type": "text/html; charset=utf-8" };

describe("which requests go to the origin", () => {
  test.each([
    ["/shop/site57", "GET", true],
    ["/", "GET", true],
    ["/about?x=1", "GET", true],
    ["/v1/nothing", "POST", true],
    ["/healthz", "GET", false],
    ["/healthz", "POST", false],
    ["/metrics", "GET", false],
    ["/v1/score", "POST", false],
    ["/v1/score", "OPTIONS", false],
  ])("%s, %s: %s", async (path, method, isOrigins) => {
    startInFront(SHOP_ROUTES);
    const asked = originAnswers(() => new Response("the origin's"));
    await (await visit(path, { method })).text();
    expect(asked.map(({ url }) => url)).toEqual(isOrigins ? [`https://shop.example${path}`] : []);
  });

  test("without routes none does", async () => {
    startInFront(undefined);
    const asked = originAnswers(() => new Response("the origin's"));
    expect((await visit("/shop/site57")).status).toBe(404);
    expect((await visit("/")).headers.get("content-type")).toContain("text/html");
    expect(asked).toHaveLength(0);
  });

  test("where routes are wrong, all that is not the Worker's own does, and the log says why, once", async () => {
    const errors = loggedErrors();
    startInFront('[{"path":"/shop/:site","lists":[]}]');
    const asked = originAnswers(() => new Response(shopHtml(), { headers: HTML }));
    expect(await (await visit("/shop/site57")).text()).toBe(shopHtml());
    expect(await (await visit("/shop/site57")).text()).toBe(shopHtml());
    expect(asked).toHaveLength(2);
    expect((await visit("/healthz")).status).toBe(200);
    expect(errors().map(({ event }) => event)).toEqual(["rerank_routes_refused"]);
  });

  test("where other settings are wrong, pages come as the origin sends them", async () => {
    startInFront(SHOP_ROUTES, { AUTH: "maybe" });
    loggedErrors();
    originAnswers(() => new Response(shopHtml(), { headers: HTML }));
    expect(await (await visit("/shop/site57")).text()).toBe(shopHtml());
  });
});

describe("the model's order", () => {
  test("of a page and of a document, by the context and the items' fields", async () => {
    startInFront(JSON.stringify(SHOP_ROUTES));
    const headers = { "x-device": "phone" };
    const order = await orderFor(tiny, { site: "site3", device: "phone" });
    originAnswers(() => new Response(shopHtml(), { headers: HTML }));
    expect(await (await visit("/shop/site3", { headers })).text()).toBe(shopHtml(order));
    originAnswers(() => new Response(shopJson(), { headers: { "content-type": "application/vnd.shop+json" } }));
    expect(await (await visit("/shop/site3", { headers })).text()).toBe(shopJson(order));
  });

  test("of items of the catalogue, by their ids", async () => {
    const html = (order: number[]): string =>
      `<ul id=ads>${order.map((i) => `<li id=ad${i}>${i}</li>`).join(" ")}</ul>`;
    const [route] = SHOP_ROUTES;
    const { fields, ...list } = route.lists[0];
    startInFront([{ ...route, context: { site: { value: "site3" } }, lists: [list], model: `tiny@${tiny.version}` }]);
    originAnswers(() => new Response(html([0, 1, 2]), { headers: HTML }));
    const worker = startWorker();
    const ranked = await worker.post("/v1/rank", { context: { site: "site3" }, items: ["ad0", "ad1", "ad2"] });
    const { items } = await ranked.json<{ items: { id: string }[] }>();
    const order = items.map(({ id }) => Number(id.slice(2)));
    expect(order).not.toEqual([0, 1, 2]);
    expect(await (await visit("/shop/x")).text()).toBe(html(order));
  });

  test.each([
    ["a model that is not published", { model: "other" }],
    ["a field that the model does not have", { context: { colour: { value: "red" } } }],
  ])("%s leaves the origin's", async (_, change) => {
    startInFront([{ ...SHOP_ROUTES[0], ...change }]);
    originAnswers(() => new Response(shopHtml(), { headers: HTML }));
    expect(await (await visit("/shop/site3")).text()).toBe(shopHtml());
    const metrics = await visit("/metrics", { headers: { authorization: "Bearer none" } });
    expect(metrics.status).toBe(403);
  });
});

describe("without a place for the origin", () => {
  const ask = async (url: string, bindings: object): Promise<Response> => {
    const ctx = createExecutionContext();
    const all = { ...testBindings({ TOKENS: ADMIN_ENTRY }), RERANK_ROUTES: SHOP_ROUTES, ...bindings };
    const response = await createApp().fetch(new Request(url), all, ctx);
    await waitOnExecutionContext(ctx);
    return response;
  };
  test.each([
    ["http://localhost:8787/shop/a", {}],
    ["http://127.0.0.1/shop/a", {}],
    ["http://[::1]/other", {}],
    ["https://name.account.workers.dev/shop/a", { ORIGIN: "" }],
    ["https://shop.example/shop/a", { ORIGIN: "origin.example" }],
    ["https://shop.example/other", { ORIGIN: "https://origin.example/?x" }],
    ["https://shop.example/other", { ORIGIN: "https://name:password@origin.example" }],
    ["https://shop.example/other", { ORIGIN: ["https://origin.example"] }],
    ["https://shop.example/other", { ORIGIN: null }],
  ])("%s is refused, rather than that the Worker asks itself: %j", async (url, bindings) => {
    const response = await ask(url, bindings);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({
      detail: expect.stringMatching(/^ORIGIN: got .*, expected the base/),
    });
  });
});

describe("routes that are wrong are refused with the place", () => {
  const [route] = SHOP_ROUTES;
  const [html, json] = route.lists;
  const withList = (change: object, list: object = html): unknown => [{ ...route, lists: [{ ...list, ...change }] }];
  test.each<[string, unknown, RegExp]>([
    ["no JSON", "[", /^RERANK_ROUTES: got no JSON \(.*\), expected a list of routes$/],
    ["no list", "{}", /^RERANK_ROUTES: got \{\}, expected Array$/],
    ["no lists", [{ path: "/" }], /^RERANK_ROUTES\[0\]\.?:? ?lists: missing/],
    ["an unknown key", [{ ...route, budget: 3 }], /^RERANK_ROUTES\[0\]\.budget: unknown key, expected "budgetMs"$/],
    ["a name twice", [{ ...route, lists: [html, html] }], /lists: got .*, expected a name of its own for each list$/],
    [
      "no pattern of a path",
      [{ ...route, path: "/a(", context: {} }],
      /^RERANK_ROUTES\[0\]\.path: got "\/a\(", expected a pattern/,
    ],
    ["no pattern of a host", [{ ...route, host: "a:80" }], /^RERANK_ROUTES\[0\]\.host: got "a:80", expected a pattern/],
    [
      "no pattern of items' pages",
      [{ ...route, itemPages: "/:item(" }],
      /^RERANK_ROUTES\[0\]\.itemPages: got "\/:item\("/,
    ],
    [
      "no item in items' pages",
      [{ ...route, itemPages: "/:items" }],
      /\.itemPages: got "\/:items", expected a path with the group :item$/,
    ],
    [
      "no selector",
      withList({ items: "li::before" }),
      /^RERANK_ROUTES\[0\]\.lists\[0\]\.items: got "li::before", expected a selector/,
    ],
    [
      "no selector of an id",
      withList({ id: { attribute: "id", selector: "a:x(" } }),
      /lists\[0\]\.id\.selector: got "a:x\("/,
    ],
    ["no pattern of an id", withList({ id: { attribute: "id", pattern: "a(b" } }), /pattern: got /],
    ["no pointer", withList({ list: "ads" }, json), /list: got "ads", expected a JSON pointer/],
    ["too long a time", [{ ...route, budgetMs: 1e6 }], /budgetMs: got 1000000, expected <=10000$/],
    ["no model's name", [{ ...route, model: "A B" }], /model: got "A B", expected a model's name/],
    [
      "no group of the path",
      [{ ...route, context: { site: { path: "sites" } } }],
      /^RERANK_ROUTES\[0\]\.context\.site\.path: got "sites", expected a group of the path "\/shop\/:site"$/,
    ],
    [
      "no name of a header",
      [{ ...route, context: { site: { header: "x device" } } }],
      /^RERANK_ROUTES\[0\]\.context\.site\.header: got "x device", expected a header's name$/,
    ],
    ["no source of a context", [{ ...route, context: { site: { params: "x" } } }], /context\.site/],
  ])("%s", (_, setting, message) => {
    expect(() => compileRoutes(setting)).toThrow(message);
  });
});
