import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { pageOfKey } from "../../../format/keys.ts";
import { pageKey } from "../../../format/store.ts";
import { rowKeyOf } from "../../../testing/format/hash-key.ts";
import { kvKeys, loggedErrors, type RankAnswer, type ScoreAnswer, startWorker } from "../client.ts";
import { expectedScores, makeModel, pageOf, publishTiny } from "../tiny-model.ts";

// A catalogue most of whose items are in pages: read with the rows, kept, and done without where they do not come.

const ITEMS = Array.from({ length: 200 }, (_, i) => ({
  ad: `item${i}`,
  price: (i % 7) + 0.5,
  tags: [`tag${i % 5}`, `tag${(37 * i) % 400}`],
}));
const model = await makeModel(1, { items: ITEMS, itemBytes: 1000 });
const { pageCount } = model.layout;
const itemPages = model.pages.length - pageCount;
const CONTEXT = { site: "site3", device: "phone" };
const COLD = { site: "site57", device: "phone" };

beforeEach(async () => {
  await reset();
  await publishTiny(env.MODELS, model);
});

/** The number of the item page of an id. */
function itemPageOf(ad: string): number {
  return pageCount + pageOfKey(rowKeyOf("ad", ad).hi, itemPages);
}

function keyOf(page: number): string {
  return pageKey(model.pages[page]?.digest ?? new Uint8Array());
}

/** The scores of whole items; of those that are not there, by their ids alone. */
function wholeScores(context: object, ids: readonly string[]): Promise<number[]> {
  const all = ids.map((id) => ({ ...context, ...(ITEMS.find(({ ad }) => ad === id) ?? { ad: id }) }));
  return expectedScores(model, all);
}

const rank = (worker: ReturnType<typeof startWorker>, context: object, items: readonly string[]) =>
  worker.post("/v1/rank", { context, items, sort: false });

test("the model has several item pages, and some items in the blob", () => {
  expect(itemPages).toBeGreaterThan(3);
});

test("items of pages score as whole ones, to the bit, for a key a page; and for none once they are kept", async () => {
  const worker = startWorker({ ROW_KEYS_PER_REQUEST: 100 });
  const ids = ["item0", "item150", "item199", "unknown", "item151", "item199"];
  const pages = new Set(["item150", "item199", "item151"].map(itemPageOf));
  const [first, again] = [await rank(worker, CONTEXT, ids), await rank(worker, CONTEXT, ids)];
  const { scores, degraded, version } = await first.json<ScoreAnswer>();
  expect(scores).toEqual(await wholeScores(CONTEXT, ids));
  expect([degraded, version]).toEqual([undefined, model.version]);
  expect(kvKeys(first)).toBe(pages.size);
  expect(await again.json()).toMatchObject({ scores });
  expect(kvKeys(again)).toBe(0);
  const ranked = await (await worker.post("/v1/rank", { context: CONTEXT, items: ids, k: 1 })).json<RankAnswer>();
  expect(ranked.items[0]?.score).toBe(Math.max(...scores));
});

test("pages of rows and of items are read together", async () => {
  const worker = startWorker();
  const response = await rank(worker, COLD, ["item199"]);
  expect((await response.json<ScoreAnswer>()).scores).toEqual(await wholeScores(COLD, ["item199"]));
  expect(kvKeys(response)).toBe(new Set([pageOf("site", "site57", model), itemPageOf("item199")]).size);
});

test("items beyond the keys that a request may read score by their ids, are counted, and come with later ones", async () => {
  const worker = startWorker({ ROW_KEYS_PER_REQUEST: 1 });
  const ids = Array.from({ length: 100 }, (_, i) => `item${100 + i}`);
  const alone = await expectedScores(model, [{ ...CONTEXT, ad: "item199" }]);
  const whole = await wholeScores(CONTEXT, ids);
  let missing = Number.POSITIVE_INFINITY;
  for (let i = 0; i < itemPages; i++) {
    const response = await rank(worker, CONTEXT, ids);
    const { scores, degraded } = await response.json<ScoreAnswer>();
    expect(kvKeys(response)).toBe(1);
    const late = scores.filter((score, n) => score !== whole[n]);
    expect(late.every((score) => score === alone[0])).toBe(true);
    // Nothing is known of the ids alone but that no row is theirs, so of three fields two are missing.
    expect(degraded).toEqual(late.length > 0 ? { rows: 2 * late.length, reason: "limit" } : undefined);
    expect(late.length).toBeLessThan(missing);
    missing = late.length;
  }
  expect(missing).toBe(0);
});

test.each([
  ["missing", () => null, "missing, expected it under page/"],
  ["another item page", (page: number) => model.pages[pageCount + ((page - pageCount + 1) % itemPages)], "got digest"],
  ["a page of rows", () => model.pages[0], "got digest"],
  ["cut off", (page: number) => ({ bytes: model.pages[page]?.bytes.slice(0, 100) ?? new Uint8Array() }), "got digest"],
] as const)("an item page that is %s is done without, and logged", async (_, replace, log) => {
  const errors = loggedErrors();
  const page = itemPageOf("item199");
  const other = replace(page);
  if (other) await env.MODELS.put(keyOf(page), other.bytes.toBase64());
  else await env.MODELS.delete(keyOf(page));
  const { scores, degraded } = await (await rank(startWorker(), CONTEXT, ["item199", "item0"])).json<ScoreAnswer>();
  const [alone] = await expectedScores(model, [{ ...CONTEXT, ad: "item199" }]);
  expect(scores).toEqual([alone, ...(await wholeScores(CONTEXT, ["item0"]))]);
  expect(degraded).toEqual({ rows: 2, reason: "unavailable" });
  expect(JSON.stringify(errors())).toContain(log);
});

test("the hottest pages may be of items, and are there before the version serves", async () => {
  const hot = await makeModel(2, { items: ITEMS, itemBytes: 1000, hotPages: [itemPageOf("item199")] });
  const worker = startWorker();
  await rank(worker, CONTEXT, []);
  await publishTiny(env.MODELS, hot);
  worker.clock.ms += 60_000;
  await rank(worker, CONTEXT, []); // finds the new pointer, and loads behind it
  const response = await rank(worker, CONTEXT, ["item199"]);
  expect(await response.json()).toMatchObject({ version: hot.version });
  expect(kvKeys(response)).toBe(0);
});
