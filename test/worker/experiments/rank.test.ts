import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import { experimentsKey } from "../../../format/experiments-pointer.ts";
import { type Exposure, parseExposure } from "../../../format/exposure.ts";
import { readFloats } from "../../../format/floats.ts";
import { fromHex } from "../../../format/hash.ts";
import { checkReceipt } from "../../../format/item-tags.ts";
import { readMacKeys } from "../../../format/mac.ts";
import type { Policy } from "../../../format/policy.ts";
import { pageKey, pointerKey } from "../../../format/store.ts";
import { drawOrder } from "../../../runtime/orders/order.ts";
import { seedRandomBytes } from "../../../testing/format/seeded-bytes.ts";
import type { LineSink } from "../../../worker/exposures/line-sink.ts";
import { kvKeys, loggedErrors, problemOf, type RankAnswer, startWorker } from "../client.ts";
import { failingKv, withBundled } from "../models/bundled-worker.ts";
import { expectedScores, makeModel, pageOf, pointerTo, publishTiny, storeTiny } from "../tiny-model.ts";
import { listOf, publishPayload, SECRETS, startExperiments } from "./experiment-worker.ts";

const IDS = ["a", "b", "c", "d", "e"];
const CANDIDATES = IDS.map((_, i) => ({ ad: `ad${i}`, price: i }));
const ORIGIN = { arm: "origin", model: null };
const GREEDY = { arm: "greedy", model: "tiny" };
const DRAWN = { arm: "drawn", model: "tiny", policy: { policy: "plackett-luce", temperature: 0.5 }, k: 3 };
const DRAFT = { arm: "draft", model: "tiny", policy: { policy: "team-draft", rival: "other", pinned: [1] } };
const SHADOWED = { arm: "shadowed", model: "tiny", shadow: { model: "other", share: 1 } };

interface ArrangedAnswer extends RankAnswer {
  experiment?: {
    name: string;
    phase: string;
    arm: string;
    id: string;
    receipt?: string;
    served: string;
    why?: string;
    reason?: string;
  };
}

const model = await makeModel(1, { items: CANDIDATES });
const other = await makeModel(3);

beforeAll(async () => {
  await reset();
  await publishTiny(env.MODELS, model);
  await storeTiny(env.MODELS, other);
  await env.MODELS.put(pointerKey("other"), pointerTo(other.version));
});

/** A body whose unit is the context's site, as the other fields of the model's context are no ids. */
function bodyOf(site: string | undefined, rest: object = {}): object {
  return { experiment: "home", context: { site, device: "phone" }, candidates: CANDIDATES, ids: IDS, ...rest };
}

type Started = ReturnType<typeof startExperiments>;

async function rank({ post }: Started, site: string | undefined, rest: object = {}): Promise<ArrangedAnswer> {
  const response = await post("/v1/rank", bodyOf(site, rest));
  expect(response.status).toBe(200);
  return response.json<ArrangedAnswer>();
}

/** What a line replays to: the same order, to the bits of its propensities. */
function expectReplay(line: Exposure): void {
  const { cand, policy, seed, p, lp, shown, team, coins } = line;
  const logits = readFloats(line.logits ?? "", "logits");
  const rivalLogits = line.rival === undefined ? undefined : readFloats(line.rival, "rival");
  const again = drawOrder(policy as Policy, { ids: cand, logits, ...(rivalLogits && { rivalLogits }) }, fromHex(seed));
  expect(again.shown.slice(0, shown.length)).toEqual(shown);
  expect(again.logPropensity).toBe(lp);
  if (p !== "") expect(Float32Array.from(again.logPropensities)).toEqual(readFloats(p, "p"));
  expect(again.draft?.coins.join("")).toBe(coins);
  expect(team?.replaceAll("-", "")).toBe(again.draft?.teams.join(""));
}

const near = (score: number): unknown => expect.closeTo(score, 6);

test("units are assigned to arms, each list is in its arm's order, and its line replays", async () => {
  await publishPayload({ features: { home: listOf([ORIGIN, GREEDY, DRAWN, DRAFT]) } });
  const worker = startExperiments();
  const plain = await worker.post("/v1/rank", { ...bodyOf("site1"), experiment: undefined });
  const best = (await plain.json<RankAnswer>()).items;
  const seen = new Set<string>();
  for (let unit = 0; unit < 40; unit++) {
    const site = `site${unit}`;
    const { items, experiment, ...about } = await rank(worker, site);
    const line = worker.log.takeOne();
    const arm = String(experiment?.arm);
    seen.add(arm);
    expect(experiment).toEqual({ name: "ranker", phase: line.phase, arm: line.arm, id: line.id, served: "arm" });
    expect(line).toMatchObject({ x: "ranker", list: "home", served: "arm", keep: 1, cand: IDS });
    expect(items.map(({ id }) => id)).toEqual(line.shown.map((i) => IDS[i]));
    expect(items.map(({ rank }) => rank)).toEqual([1, 2, 3, 4, 5]);
    if (arm === "origin") {
      expect(items.map(({ id }) => id)).toEqual(IDS);
      expect([items[0], about, line.policy, line.p, line.lp]).toEqual([{ id: "a", rank: 1 }, {}, null, "", 0]);
    } else {
      expect(line.model).toBe(`tiny@${model.version.slice(0, 16)}`);
      expect(about).toEqual({ model: "tiny", version: model.version });
      expectReplay(line);
    }
    if (arm === "greedy" && site === "site1") expect(items).toEqual(best);
    if (arm === "draft") expect([line.shown[1], line.team?.[1]]).toEqual([1, "-"]);
    // The same unit again is in the same arm, however its context differs.
    const again = await rank(worker, site, { k: 2 });
    expect([again.experiment?.arm, again.items.length]).toEqual([arm, 2]);
    const short = worker.log.takeOne();
    expect([short.u, short.b, short.shown.length]).toEqual([line.u, line.b, 2]);
    if (arm !== "origin") expectReplay(short);
  }
  expect(seen).toEqual(new Set(["origin", "greedy", "drawn", "draft"]));
  expect(await worker.metrics()).toMatch(
    /assignments_total\{experiment="ranker",phase="[0-9a-f]{8}",arm="drawn",served="arm",why=""\} \d+/,
  );
});

test("what the rival of a draft scores and reads counts as what the arm's own model does", async () => {
  await publishPayload({ features: { home: listOf([DRAFT, { ...DRAFT, arm: "twin" }]) } });
  const worker = startExperiments();
  const response = await worker.post("/v1/rank", bodyOf("site399"));
  expect(worker.log.takeOne()).toMatchObject({ served: "arm", policy: { policy: "team-draft" } });
  const metrics = await worker.metrics();
  const count = (series: string, name: string): number =>
    Number(new RegExp(`^${series}\\{model="${name}",version="[0-9a-f]{64}"\\} (\\d+)$`, "m").exec(metrics)?.[1]);
  for (const name of ["tiny", "other"]) {
    expect(count("nv_inference_request_success", name)).toBe(1);
    expect(count("nv_inference_count", name)).toBe(IDS.length);
    expect(count("deepfm_edge_keys_read_total", name)).toBe(1);
  }
  expect(kvKeys(response)).toBe(2);
});

test("an arm's order by the bundled model says so, and is counted, as where no experiment asks", async () => {
  loggedErrors();
  await publishPayload({ features: { home: listOf([GREEDY, { ...GREEDY, arm: "twin" }]) } });
  const noModels = failingKv(async (keys) => {
    if (keys !== experimentsKey() && !String(keys).startsWith("payload/")) throw new Error("KV is down");
  });
  const worker = startExperiments(withBundled(model, { MODELS: noModels }));
  expect(await (await worker.score({ records: [] })).json()).toMatchObject({ bundled: true });
  expect(await rank(worker, "site1")).toMatchObject({
    ...{ model: "tiny", version: model.version, bundled: true, experiment: { served: "arm" } },
  });
  expect(await worker.metrics()).toContain('deepfm_edge_fallbacks_total{to="bundled"} 2\n');
});

test("unseen values are counted where the request asks for them, in every arm that a model orders", async () => {
  await publishPayload({ features: { home: listOf([GREEDY, ORIGIN]) } });
  const worker = startExperiments();
  for (let unit = 0; unit < 10; unit++) {
    const body = bodyOf(`nobody${unit}`);
    const plain = await worker.post("/v1/rank", { ...body, experiment: undefined, unseen: true });
    const { unseen } = await plain.json<RankAnswer>();
    expect(unseen).toMatchObject({ site: 1 });
    const answer = await rank(worker, `nobody${unit}`, { unseen: true });
    expect(answer.unseen).toEqual(answer.experiment?.arm === "greedy" ? unseen : undefined);
    expect(await rank(worker, `nobody${unit}`)).not.toHaveProperty("unseen");
  }
});

test("a list without a unit, or that no feature is about, is ranked as without experiments, and not logged", async () => {
  await publishPayload({ features: { home: listOf([ORIGIN, DRAWN]) } });
  const worker = startExperiments();
  const plain = await (await worker.post("/v1/rank", { ...bodyOf(undefined), experiment: undefined })).json();
  expect(await rank(worker, undefined)).toEqual(plain);
  expect(await rank(worker, undefined, { experiment: "search" })).toEqual(plain);
  expect(worker.log.lines).toEqual([]);
});

test("what is outside an experiment has the feature's own arm, and is not logged", async () => {
  const feature = { ...listOf([DRAWN, DRAFT], { coverage: 0 }), defaultValue: ORIGIN };
  await publishPayload({ features: { home: feature } });
  const worker = startExperiments();
  const answer = await rank(worker, "site1", { k: 2 });
  expect(answer).toEqual({
    items: [
      { id: "a", rank: 1 },
      { id: "b", rank: 2 },
    ],
  });
  expect(worker.log.lines).toEqual([]);
});

test.each([
  [
    "a model that is not published",
    { arm: "b", model: "gone" },
    {},
    "model",
    "got gone, expected the name of a published model",
  ],
  [
    "a candidate that breaks the contract",
    DRAWN,
    { candidates: [...CANDIDATES.slice(1), { colour: 1 }] },
    "request",
    "colour: unknown field",
  ],
  ["a rival that is not published", { ...DRAWN, policy: { policy: "team-draft", rival: "gone" } }, {}, "model", "gone"],
])("%s leaves the list as it came, and the arm as it was assigned", async (_, arm, rest, why, reason) => {
  await publishPayload({ features: { home: listOf([arm, { ...arm, arm: "twin" }]) } });
  const worker = startExperiments();
  const { items, experiment, ...about } = await rank(worker, "site1", rest);
  expect(items).toEqual(IDS.map((id, i) => ({ id, rank: i + 1 })));
  expect(about).toEqual({});
  expect(experiment).toMatchObject({ served: "origin", why, reason: expect.stringContaining(reason) });
  const line = worker.log.takeOne();
  expect(line).toMatchObject({ arm: experiment?.arm, served: "origin", why, shown: [0, 1, 2, 3, 4], p: "", lp: 0 });
});

test("a shadow's logits are beside those that were served, once the answer is out", async () => {
  await publishPayload({ features: { home: listOf([SHADOWED, { ...SHADOWED, arm: "twin" }]) } });
  const worker = startExperiments();
  await rank(worker, "site1");
  const line = worker.log.takeOne();
  expect(line.shadow?.model).toBe(`other@${other.version.slice(0, 16)}`);
  const asked = await worker.post("/v1/rank", {
    ...bodyOf("site1", { ids: undefined, experiment: undefined }),
    model: "other",
    sort: false,
  });
  const scores = (await asked.json<{ scores: number[] }>()).scores;
  const logits = readFloats(line.shadow?.logits ?? "", "shadow");
  for (const [i, logit] of logits.entries()) expect(1 / (1 + Math.exp(-logit))).toBeCloseTo(scores[i] as number, 6);
  expect((await worker.memory()).taken.requests).toBe(0);
});

/** A Worker for which the model's page with a value of `site` never comes, and all other pages in 300 ms. */
async function startWithout(site: string): Promise<Started> {
  const missing = pageKey(model.pages[pageOf("site", site, model)]?.digest as Uint8Array);
  const get = async (key: string | string[], options: KVNamespaceGetOptions<"text">): Promise<unknown> => {
    if ([key].flat().includes(missing)) return new Promise(() => {});
    if (Array.isArray(key)) await scheduler.wait(300);
    return env.MODELS.get(key as string, options);
  };
  const MODELS = new Proxy(env.MODELS, {
    get: (target, name) => (name === "get" ? get : Reflect.get(target, name, target).bind(target)),
  });
  return startExperiments({ MODELS, ROW_DEADLINE_MS: 1000 });
}

/** Whether logits are those of the other model with all of its rows. */
async function expectWhole(text: string | undefined, site: string): Promise<void> {
  const records = CANDIDATES.map((candidate) => ({ site, device: "phone", ...candidate }));
  const expected = await expectedScores(other, records);
  expect(expected).not.toEqual(await expectedScores(other, records, [pageOf("site", site, other)]));
  const scores = Array.from(readFloats(text ?? "", "logits"), (logit) => 1 / (1 + Math.exp(-logit)));
  expect(scores).toEqual(expected.map((score) => near(score)));
}

test("a shadow has the time for rows to itself, as nobody waits for it", async () => {
  await publishPayload({ features: { home: listOf([SHADOWED, { ...SHADOWED, arm: "twin" }]) } });
  const worker = await startWithout("site57");
  const { degraded } = await rank(worker, "site57");
  expect(degraded).toEqual({ rows: 1, reason: "deadline" });
  await expectWhole(worker.log.takeOne().shadow?.logits, "site57");
});

test("a rival has as much time for rows as the own model, and what either lacks is in the line", async () => {
  await publishPayload({ features: { home: listOf([DRAFT, { ...DRAFT, arm: "twin" }]) } });
  const worker = await startWithout("site57");
  const { degraded } = await rank(worker, "site57");
  const line = worker.log.takeOne();
  await expectWhole(line.rival, "site57");
  const reversed = { ...DRAFT, model: "other", policy: { ...DRAFT.policy, rival: "tiny" } };
  await publishPayload({ features: { home: listOf([reversed, { ...reversed, arm: "twin" }]) } });
  const again = await startWithout("site57");
  const answer = await rank(again, "site57");
  const of = again.log.takeOne();
  await expectWhole(of.logits, "site57");
  const lack = { rows: 1, reason: "deadline" };
  expect([degraded, line.deg, answer.degraded, of.deg]).toEqual([lack, lack, lack, lack]);
  expect(await again.metrics()).toMatch(/missing_rows_total\{model="tiny",.*\} 1/);
});

test("a shadow that cannot score leaves its line without it", async () => {
  const shadowed = { ...GREEDY, shadow: { model: "gone", share: 1 } };
  await publishPayload({ features: { home: listOf([shadowed, { ...shadowed, arm: "twin" }]) } });
  const worker = startExperiments();
  await rank(worker, "site1");
  expect(worker.log.takeOne()).not.toHaveProperty("shadow");
});

test("lines of a share of units are kept, all of a unit or none", async () => {
  await publishPayload({ features: { home: listOf([ORIGIN, { ...ORIGIN, arm: "twin" }]) } });
  const worker = startExperiments({ EXPOSURE_KEEP: 0.5, EXPOSURE_CONTEXT: "device country" });
  const kept: number[] = [];
  for (let unit = 0; unit < 30; unit++) {
    for (let time = 0; time < 2; time++) await rank(worker, `site${unit}`);
    const lines = worker.log.lines.splice(0);
    kept.push(lines.length);
    for (const line of lines) expect(line).toMatchObject({ keep: 0.5, ctx: { device: "phone" } });
  }
  expect(new Set(kept)).toEqual(new Set([0, 2]));
});

test.each([
  [{ ids: undefined }, "ids", "got none, expected them with an experiment"],
  [{ candidates: undefined, ids: undefined, items: ["a", "a"] }, "items[1]", 'got "a", which is items[0] too'],
  [{ ids: ["a", "b", "c", "d", "e".repeat(1025)] }, "ids[4]", "expected 1024 characters"],
  [{ ids: ["a", "b", "c", "\ud800", "\ud801"] }, "ids[3]", 'got "\\ud800", expected no half of a surrogate pair'],
  [{ candidates: undefined, ids: undefined, items: ["a", "\udfff"] }, "items[1]", "expected no half of a surrogate"],
  [{ objective: "ecpm", bids: [1, 1, 1, 1, 1] }, "objective", 'got "ecpm" with an experiment'],
  [{ sort: false, ids: undefined }, "ids", "got none"],
  [{ experiment: "" }, "experiment", "got length 0"],
  [{ experiment: 1 }, "experiment", "got 1"],
])("a body that no line could be written of is refused in every arm: %#", async (rest, field, detail) => {
  const problem = await problemOf(await startExperiments().post("/v1/rank", bodyOf("site1", rest)));
  expect(problem).toMatchObject({ status: 422, field });
  expect(problem.detail).toContain(detail);
});

test.each(["[{},nul,{},{},{}]", "[{},{},{},{},]", '[{"ad":"\\x"},{},{},{},{}]'])(
  "candidates that are not JSON are refused in every arm, and no arm has failed: %s",
  async (candidates) => {
    const arms = [ORIGIN, GREEDY, DRAWN, { arm: "gone", model: "gone" }];
    for (const arm of arms) {
      await publishPayload({ features: { home: listOf([arm, { ...arm, arm: "twin" }]) } });
      const errors = loggedErrors();
      const worker = startExperiments();
      const body = JSON.stringify(bodyOf("site1", { candidates: [] })).replace(
        '"candidates":[]',
        () => `"candidates":${candidates}`,
      );
      const problem = await problemOf(await worker.post("/v1/rank", body));
      expect(problem).toMatchObject({ status: 400, detail: expect.stringContaining("the body is not JSON: got ") });
      expect(worker.log.lines).toEqual([]);
      expect(await worker.metrics()).not.toMatch(/assignments_total\{/);
      expect(errors()).toEqual([]);
    }
  },
);

test("what is behind an arm's failure is in the log, and not in the answer", async () => {
  await publishPayload({ features: { home: listOf([GREEDY, { ...GREEDY, arm: "twin" }]) } });
  const errors = loggedErrors();
  const { experiment } = await rank(startExperiments({ MODEL_KEYS: "dGVzdA==" }), "site1");
  expect(experiment).toMatchObject({
    why: "model",
    reason: "ModelUnavailableError: the model tiny cannot be loaded; the log says why",
  });
  expect(errors()).toMatchObject([{ event: "model_load_failed", error: expect.stringContaining("MODEL_KEYS: key 1") }]);
});

test("without secrets there are no experiments, and the log says why", async () => {
  await publishPayload({ features: { home: listOf([ORIGIN, DRAWN]) } });
  const errors = loggedErrors();
  const worker = startExperiments({ EXPERIMENT_SECRETS: "" });
  expect(await rank(worker, "site1")).not.toHaveProperty("experiment");
  await rank(worker, "site2");
  expect(errors()).toMatchObject([
    { event: "experiments_refused", error: expect.stringContaining("EXPERIMENT_SECRETS: got no secret") },
  ]);
});

test("a line goes to the sink of the log, in a batch, after the answer", async () => {
  await publishPayload({ features: { home: listOf([ORIGIN, DRAWN]) } });
  const sent: Exposure[] = [];
  const decoder = new TextDecoder();
  const exposureSink = (): LineSink => ({
    async send(_, lines) {
      sent.push(...lines.map((line) => parseExposure(decoder.decode(line))));
    },
  });
  const worker = startWorker({ EXPERIMENT_SECRETS: SECRETS[0] }, { exposureSink });
  const answer = await (await worker.post("/v1/rank", bodyOf("site1"))).json<ArrangedAnswer>();
  expect(sent).toMatchObject([{ id: answer.experiment?.id, x: "ranker", arm: answer.experiment?.arm }]);
});

test("items of the catalogue are candidates by their ids", async () => {
  await publishPayload({ features: { home: listOf([DRAWN, { ...DRAWN, arm: "twin" }]) } });
  const worker = startExperiments();
  const { items } = await rank(worker, "site1", {
    candidates: undefined,
    ids: undefined,
    items: ["ad1", "ad2", "ad3"],
  });
  expect(items).toHaveLength(3);
  expect(worker.log.takeOne()).toMatchObject({ cand: ["ad1", "ad2", "ad3"], served: "arm" });
});

test("a receipt is of the items that are answered, and is there where it is asked for", async () => {
  using _bytes = seedRandomBytes(1);
  await publishPayload({ features: { home: listOf([ORIGIN, GREEDY]) } });
  const worker = startExperiments();
  const keys = await readMacKeys(SECRETS[0], "SECRETS");
  for (let unit = 0; unit < 4; unit++) {
    const { items, experiment } = await rank(worker, `site${unit}`, { receipt: true, k: 2 });
    const { id = "", receipt = "" } = experiment ?? {};
    const shown = items.map((item) => String(item.id));
    for (const item of shown) checkReceipt(receipt, keys, { id, item }, "e");
    for (const item of IDS.filter((other) => !shown.includes(other)))
      expect(() => checkReceipt(receipt, keys, { id, item }, "e")).toThrow("expected an item of the list");
    expect((await rank(worker, `site${unit}`)).experiment).not.toHaveProperty("receipt");
  }
  const alone = await problemOf(await worker.post("/v1/rank", { candidates: CANDIDATES, receipt: true }));
  expect(alone).toMatchObject({ status: 422, field: "receipt" });
  const many = Array.from({ length: 1501 }, (_, i) => `c${i}`);
  const long = { candidates: many.map(() => CANDIDATES[0]), ids: many, receipt: true };
  const refused = await problemOf(await worker.post("/v1/rank", bodyOf("site1", long)));
  expect(refused.detail).toContain("got a list of 1501, expected a k of 1500 at most");
  await rank(worker, "site1", { ...long, k: 1500 });
});
