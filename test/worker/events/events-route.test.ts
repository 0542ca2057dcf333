import { env } from "cloudflare:workers";
import { expect, test, vi } from "vitest";
import { EVENT_AGE_MS, type ListEvent, parseEvent } from "../../../format/event.ts";
import { makeReceipt } from "../../../format/item-tags.ts";
import { readMacKeys } from "../../../format/mac.ts";
import { makeRequestId } from "../../../format/request-id.ts";
import { generateToken } from "../../../format/tokens.ts";
import { UNSIGNED_ID } from "../../../testing/exposures/example-lines.ts";
import { seedRandomBytes } from "../../../testing/format/seeded-bytes.ts";
import { MAX_EVENT_BODY_BYTES, MAX_EVENTS } from "../../../worker/events/limits.ts";
import { loggedErrors, PATIENCE, problemOf, startWorker, type TestBindings, withinOneMinute } from "../client.ts";

const SECRETS = [generateToken(), generateToken()];
const [NEW, OLD] = SECRETS.map((secret) => readMacKeys(secret, "SECRETS"));
const NOW = Date.parse("2026-01-01T00:00:00Z");
const ITEMS = ["hat", "coat"];

/** Undefined: the Worker has no such binding. */
type Overrides = { [Name in keyof TestBindings]: TestBindings[Name] | undefined };

/** A Worker, and the events that its sink gets. */
function start(overrides: Overrides = {}) {
  const lines: ListEvent[] = [];
  const EVENT_PIPELINE = { send: async (records: object[]) => void lines.push(...(records as ListEvent[])) };
  return {
    lines,
    ...startWorker({ EXPERIMENT_SECRETS: SECRETS.join(" "), EVENT_PIPELINE, ...overrides } as TestBindings),
  };
}

const click = (changes: object = {}, at = NOW): Record<string, unknown> => ({
  ...{ id: makeRequestId(NEW, at), type: "click", item: "hat" },
  ...changes,
});

test("events are taken from pages and servers, with what the Worker knows of them", async () => {
  const { post, fetch, lines } = start();
  const [first, old] = [click(), click({ id: makeRequestId(OLD, NOW - 1000) })];
  const bought = click({ type: "revenue", value: 12.5, key: "order 7", t: NOW - 5 });
  const taken = await post("/v1/events", { events: [first, bought] });
  expect([taken.status, await taken.json()]).toEqual([200, { accepted: 2 }]);
  // As navigator.sendBeacon(url, text) sends it.
  const beacon = { method: "POST", headers: { "content-type": "text/plain;charset=UTF-8" } };
  const beaconed = await fetch("/v1/events", { ...beacon, body: JSON.stringify({ events: [old] }) });
  expect([beaconed.status, await beaconed.json()]).toEqual([200, { accepted: 1 }]);
  expect(lines).toEqual([
    { v: 1, ...first, t: NOW, received: NOW },
    { v: 1, ...bought, received: NOW },
    { v: 1, ...old, t: NOW, received: NOW },
  ]);
  for (const line of lines) expect(parseEvent(JSON.stringify(line))).toEqual(line);
});

test("what is right is taken beside what is wrong, and the answer says all that is wrong", async () => {
  const { post, lines, asAdmin } = start();
  const right = click();
  const foreign = makeRequestId(readMacKeys(generateToken(), "other"), NOW);
  const [DAY, WEEK] = [EVENT_AGE_MS.click, EVENT_AGE_MS.conversion];
  const wrong: [Record<string, unknown>, pointer: string, detail: string][] = [
    [click({ id: foreign }), "id", "expected one that this Worker has signed"],
    [click({ id: UNSIGNED_ID }), "id", "expected one that this Worker has signed"],
    [click({ id: "x" }), "id", 'got "x", expected a signed request id'],
    [click({}, NOW - DAY - 1), "id", "expected one of the last 24 hours"],
    [click({ type: "conversion" }, NOW - WEEK - 1), "id", "expected one of the last 168 hours"],
    [click({}, NOW + 120_000), "id", "expected one that is not made 120000 ms from now"],
    [click({ type: "view" }), "type", 'got "view"'],
    [click({ type: "revenue" }), "value", "got none, expected what the revenue is"],
    [click({ item: 7 }), "item", "got 7, expected string"],
    [click({ received: 7 }), "received", "unknown key"],
    [click({ receipt: "forged" }), "receipt", 'got "forged", expected that of'],
  ];
  const events = [...wrong.map(([event]) => event), right, click({ type: "conversion" }, NOW - DAY - 1)];
  const response = await post("/v1/events", { events });
  const problem = await problemOf(response);
  expect(problem).toMatchObject({ status: 422, title: "Events are refused", field: "events[0].id", accepted: 2 });
  expect(problem.errors).toEqual(
    wrong.map(([, pointer, detail], i) => ({
      pointer: `/events/${i}/${pointer}`,
      detail: expect.stringContaining(detail),
    })),
  );
  expect(lines.map(({ type }) => type)).toEqual(["click", "conversion"]);
  const metrics = await (await asAdmin("/metrics")).text();
  expect(metrics).toMatch(/deepfm_edge_events_sent_total\{isolate="\w+",type="click"\} 1\n/);
});

test("with the receipt of its list, an item must be one of it", async () => {
  using _bytes = seedRandomBytes(1);
  const { post, lines } = start();
  const [key] = NEW;
  const event = click();
  const receipt = makeReceipt(key, String(event.id), ITEMS);
  const events = [{ ...event, receipt }, { ...event, receipt, item: "shoe" }, click({ receipt })];
  const problem = await problemOf(await post("/v1/events", { events }));
  expect(problem.errors?.map(({ pointer }) => pointer)).toEqual(["/events/1/item", "/events/2/receipt"]);
  expect(lines).toEqual([{ v: 1, ...event, t: NOW, received: NOW }]);
});

test.each<[string, RequestInit, number, string]>([
  [
    "another type",
    { headers: { "content-type": "text/html" }, body: "{}" },
    415,
    "expected application/json or text/plain",
  ],
  ["no type", { body: new Uint8Array([123]) }, 415, "got content-type none"],
  [
    "no JSON",
    { headers: { "content-type": "text/plain" }, body: "{" },
    400,
    "the body is not JSON: got the end of the text at line 1, column 2, expected a key in quotes",
  ],
  [
    "no JSON in an event",
    { headers: { "content-type": "text/plain" }, body: '\ufeff{"events":[\n{"value":NaN}]}' },
    400,
    'the body is not JSON: got "NaN" at line 2, column 10, expected a value',
  ],
  [
    "events twice",
    { headers: { "content-type": "text/plain" }, body: '{"events":[{}],"events":[]}' },
    422,
    "events: got it more than once, expected it once",
  ],
  ["no UTF-8", { headers: { "content-type": "text/plain" }, body: new Uint8Array([34, 255, 34]) }, 400, "not JSON"],
  ["no object", { headers: { "content-type": "text/plain" }, body: "[]" }, 422, "events: missing"],
  ["no events", { headers: { "content-type": "text/plain" }, body: '{"events":[]}' }, 422, "events: got length 0"],
  [
    "too many events",
    { headers: { "content-type": "text/plain" }, body: JSON.stringify({ events: Array(MAX_EVENTS + 1).fill(0) }) },
    422,
    "events: got length 501, expected <=500",
  ],
  [
    "too long",
    { headers: { "content-type": "text/plain" }, body: `{"events":["${"x".repeat(MAX_EVENT_BODY_BYTES)}"]}` },
    413,
    "got more than 65536 bytes",
  ],
])("a body is refused with its problem: %s", async (_, init, status, detail) => {
  const { fetch, lines } = start();
  const problem = await problemOf(await fetch("/v1/events", { method: "POST", ...init }));
  expect(problem).toMatchObject({ status, detail: expect.stringContaining(detail) });
  expect(lines).toEqual([]);
});

test.each<[string, Overrides, string]>([
  ["no secret", { EXPERIMENT_SECRETS: "" }, "EXPERIMENT_SECRETS: got no secret"],
  ["a short secret", { EXPERIMENT_SECRETS: "short" }, "EXPERIMENT_SECRETS: got a secret of 5 characters"],
  ["no queue", { EVENT_PIPELINE: undefined, EXPOSURES: undefined }, "EXPOSURES: got no queue that takes events"],
])("a Worker that cannot take events says why: %s", async (_, overrides, detail) => {
  loggedErrors();
  const problem = await problemOf(await start(overrides).post("/v1/events", { events: [click()] }));
  expect(problem).toMatchObject({ status: 503, detail: expect.stringContaining(detail) });
});

test("a request's events have a limit of their own, which no other request's have", async () => {
  const { TIGHT_RATE_LIMIT } = env as unknown as { TIGHT_RATE_LIMIT: RateLimit };
  const [much, other] = [click(), click()];
  const { first, response, lines } = await withinOneMinute(async () => {
    const { post, lines } = start({ EVENT_RATE_LIMIT: TIGHT_RATE_LIMIT });
    const first = await post("/v1/events", { events: Array(6).fill(much) });
    return { first, response: await post("/v1/events", { events: [other, ...Array(6).fill(much)] }), lines };
  });
  expect(first.status).toBe(200);
  expect(await problemOf(response)).toMatchObject({ status: 429, accepted: 1 });
  expect(response.headers.get("retry-after")).toBe("60");
  expect(lines.length).toBe(7);
});

test("where there is no room for an event, the client is told to come again", async () => {
  vi.spyOn(console, "log").mockReset();
  const EVENT_PIPELINE = { send: () => Promise.reject(new Error("down")) };
  const { fetch } = start({ EVENT_PIPELINE });
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const long = { key: "k".repeat(64), item: "i".repeat(1000) };
    const events = Array.from({ length: 50 }, () => click(long));
    const init = { method: "POST", headers: { "content-type": "text/plain" }, body: JSON.stringify({ events }) };
    const sent = Array.from({ length: 30 }, () => fetch("/v1/events", init));
    await vi.advanceTimersByTimeAsync(120_000);
    const responses = await Promise.all(sent);
    const refused = responses.filter(({ status }) => status === 503);
    expect(refused.length).toBeGreaterThan(0);
    expect(await refused[0].json()).toMatchObject({
      detail: expect.stringMatching(/^there was no room for \d+ events/),
    });
    expect(refused[0].headers.get("retry-after")).toBe("1");
  } finally {
    vi.useRealTimers();
    vi.restoreAllMocks();
  }
});

test("a page of an allowed origin may report", async () => {
  const { fetch } = start({ ALLOWED_ORIGINS: "https://shop.example" });
  const init = {
    method: "POST",
    headers: { "content-type": "text/plain", origin: "https://shop.example" },
    body: "{}",
  };
  expect((await fetch("/v1/events", init)).headers.get("access-control-allow-origin")).toBe("https://shop.example");
});

test("events go through the queue into R2", async () => {
  const { EXPOSURE_LOGS } = env as unknown as { EXPOSURE_LOGS: R2Bucket };
  const { post } = start({ EVENT_PIPELINE: undefined });
  const event = click({ item: "пальто" });
  expect((await post("/v1/events", { events: [event] })).status).toBe(200);
  await vi.waitFor(async () => {
    const { objects } = await EXPOSURE_LOGS.list({ prefix: "events/" });
    const texts = await Promise.all(
      objects.map(async ({ key }) => {
        const object = await EXPOSURE_LOGS.get(key);
        return object ? new Response(object.body.pipeThrough(new DecompressionStream("gzip"))).text() : "";
      }),
    );
    expect(texts).toContain(`${JSON.stringify({ v: 1, ...event, t: NOW, received: NOW })}\n`);
  }, PATIENCE);
});
