import { describe, expect, test, vi } from "vitest";
import { isPatch } from "../../format/patch.ts";
import { blobKey, defaultKey } from "../../format/store.ts";
import type { Answer } from "../../testing/attack/send.ts";
import { TOKENS } from "../../testing/attack/server.ts";
import { chaos } from "../../testing/chaos/chaos.ts";
import { makeFleet, SMALL } from "../../testing/chaos/fleet.ts";
import { Isolates } from "../../testing/chaos/isolates.ts";
import { judge } from "../../testing/chaos/judge.ts";
import { type Asked, KINDS } from "../../testing/chaos/kinds.ts";
import { Publisher } from "../../testing/chaos/publisher.ts";
import { judgeScores } from "../../testing/chaos/reference.ts";
import { StormyKv } from "../../testing/chaos/stormy-kv.ts";
import { Timeline, VersionsSeen } from "../../testing/chaos/timeline.ts";
import { seeded } from "../../testing/format/random.ts";

const fleet = await makeFleet(SMALL);
const [first, second] = fleet.versions.get("ads") ?? [];
const [stranger] = fleet.versions.get("news") ?? [];

describe("a short chaos", () => {
  test("gets no wrong answer, and loses none", { timeout: 240_000 }, async () => {
    const times = { usual: 2, swaps: 4, kills: 3 };
    const report = await chaos(fleet, { seed: 2017, requests: 600, clients: 8, times });
    expect(report.wrong).toEqual([]);
    expect(report).toMatchObject({ swaps: 4, kills: 2, accounts: report.phases.length });
    expect(report.answers).toBeGreaterThanOrEqual(600);
    // Of each model two versions before anything happens, and what killed publishers were to bring.
    expect(report.patches).toBeGreaterThan(4);
    expect(Object.keys(report.faults).sort()).toEqual(
      "failing foreign missing slow stale swapped truncated".split(" "),
    );
    expect(Math.max(...report.phases.map(({ outcomes }) => outcomes.degraded))).toBeGreaterThan(0);
  });
});

test("a store's first read that can meet with a fault does, however rare the fault is", async () => {
  await using kv = await StormyKv.start(1);
  for (const version of ["1", "2"]) await kv.putTexts([{ key: "models/ads", value: version }]);
  await kv.putTexts([{ key: "pages/1", value: "a page" }]);
  await kv.putTexts([{ key: "pages/2", value: "another page" }]);
  const faults = "slow failing truncated missing stale swapped foreign".split(" ");
  kv.weather = Object.fromEntries(faults.map((fault) => [fault, 1e-9]));
  const read = (key: string) => fetch(`http://${kv.address}/${encodeURIComponent(key)}`).then(({ status }) => status);
  for (const key of ["models/ads", ...Array(6).fill("pages/1"), "models/ads"]) await read(key).catch(() => {});
  expect(Object.fromEntries(kv.faults)).toEqual(Object.fromEntries(faults.map((fault) => [fault, 1])));
  expect(await read("pages/1")).toBe(200);
});

test("the memory of a blob that is none goes with it, though its error is kept", async () => {
  await using kv = await StormyKv.start(1);
  const publisher = new Publisher(kv);
  for (const model of [stranger, first, second]) await publisher.publish(model);
  await kv.putTexts([{ key: defaultKey(), value: '{"model":"news"}' }]);
  const patch = kv.value(blobKey(second.version));
  if (patch === null || !isPatch(patch)) throw new Error("the second version is no patch of the first");
  await kv.putBytes(blobKey(first.version), patch);
  await using isolates = await Isolates.start({ address: kv.address, timeline: new Timeline(), onLog: () => {} });
  const headers = { "content-type": "application/json", authorization: `Bearer ${TOKENS.score}` };
  const statuses: number[] = [];
  for (const model of ["news", "ads"]) {
    const body = JSON.stringify({ model, records: [fleet.cold(seeded(1))] });
    const answer = await fetch(new URL("/v1/score", isolates.current.url), { method: "POST", headers, body });
    statuses.push(answer.status);
  }
  expect(statuses).toEqual([200, 503]);
  // What was read of it is given up beside the answer.
  await vi.waitFor(
    async () => {
      const { memories, models } = await isolates.account();
      expect(memories).toEqual(models);
    },
    { timeout: 30_000 },
  );
});

describe("a judge of scores", () => {
  const records = Array.from({ length: 4 }, (_, i) => fleet.cold(seeded(i)));
  /** The scores, where pages of some numbers are not there, and how many values lack their rows. */
  function without(lost: (page: number) => boolean): { scores: number[]; missing: number } {
    const { scorer, opened } = first;
    const pages = new Map([...opened].filter(([page]) => !lost(page)));
    const { scores, rowsMissing } = scorer.score(scorer.locate(scorer.encode(records)), pages);
    return { scores: [...scores], missing: rowsMissing };
  }
  const all = without(() => false);

  test("takes scores with all rows, or with as many missing as the answer says", () => {
    expect(judgeScores({ records, ...all, ranked: false }, first)).toBeNull();
    for (const lost of [() => true, (page: number) => page % 2 === 0, (page: number) => page % 3 === 0])
      expect(judgeScores({ records, ...without(lost), ranked: false }, first)).toBeNull();
  });

  test.each([
    ["another version's scores", { ...all, scores: [...second.score(records)] }],
    ["a score that differs in its last bit", { ...all, scores: all.scores.with(1, nextFloat(all.scores[1])) }],
    ["one too few", { ...all, scores: all.scores.slice(1) }],
    ["scores without rows, of which the answer says nothing", { ...without(() => true), missing: 0 }],
    ["fewer missing rows than there are", { ...without(() => true), missing: without(() => true).missing - 1 }],
    ["more missing rows than there are", { ...without(() => true), missing: without(() => true).missing + 1 }],
    ["another version's scores as those without rows", { scores: [...second.score(records)], missing: 3 }],
  ])("finds %s", (_, got) => {
    expect(judgeScores({ records, ...got, ranked: false }, first)).not.toBeNull();
  });
});

describe("a judge of answers", () => {
  const timeline = new Timeline();
  const point = (model: string, version: string, since: number): void =>
    timeline.write(`models/${model}`, Buffer.from(JSON.stringify({ version, since, previous: null })));
  point("ads", first.version, 1);
  point("ads", second.version, 2);
  point("news", stranger.version, 3);
  timeline.write("default", Buffer.from('{"model":"ads"}'));
  const asked = KINDS[0].make(seeded(1), fleet);
  const sorted = Array.from({ length: 20 }, (_, seed) => kind("rank, sorted").make(seeded(seed), fleet)).find(
    ({ reference, records = [] }) => reference === "ads" && records.length > 1,
  );

  function kind(name: string) {
    const found = KINDS.find((one) => one.name === name);
    if (!found) throw new Error(`no kind ${name}`);
    return found;
  }

  const answer = (body: object, status = 200, headers = {}): Answer => ({
    status,
    headers: { "content-type": status === 200 ? "application/json" : "application/problem+json", ...headers },
    body: JSON.stringify(body),
  });

  /** What is wrong with answers of one isolate, each of which comes before the next request is sent. */
  function problems(answers: readonly [Asked, Answer][]): (string | null)[] {
    const seen = new VersionsSeen(timeline);
    return answers.map(([of, got]) => judge(of, got, { fleet, timeline, seen, before: seen.snapshot() }).problem);
  }

  const by = (model: typeof first, of = asked, name = "ads") =>
    answer({ scores: [...model.score(of.records ?? [])], model: name, version: model.version });
  const busy = answer({ status: 503 }, 503, { "retry-after": "1" });

  test("takes what serves, and then what follows it, and a 503 that says when to come again", () => {
    expect(
      problems([
        [asked, by(first)],
        [asked, busy],
        [asked, by(first)],
        [asked, by(second)],
      ]),
    ).toEqual([...[null, null, null, null]]);
  });

  test("takes a list in its order, and no other", () => {
    if (!sorted) throw new Error("no such request");
    const scores = [...first.score(sorted.records ?? [])];
    const ids: number[] = JSON.parse(String("body" in sorted.request && sorted.request.body)).ids;
    const items = scores.map((score, i) => ({ id: ids[i], score })).sort((a, b) => b.score - a.score);
    const of = (list: typeof items) =>
      answer({ items: list.map((item, i) => ({ ...item, rank: i + 1 })), model: "ads", version: first.version });
    expect(problems([[sorted, of(items)]])).toEqual([null]);
    expect(problems([[sorted, of(items.toReversed())]])).not.toEqual([null]);
  });

  test.each([
    [
      "an older version than one that answered before",
      [
        [asked, by(second)],
        [asked, by(first)],
      ],
    ],
    ["a version that no pointer named", [[asked, by(fleet.versions.get("ads")?.[2] ?? first)]]],
    ["another model", [[asked, by(stranger, asked, "news")]]],
    ["another model's version under its name", [[asked, by(stranger)]]],
    ["another status", [[asked, answer({ status: 500 }, 500)]]],
    ["a 503 that does not say when to come again", [[asked, answer({ status: 503 }, 503)]]],
    ["no answer", [[asked, { status: null, headers: {}, body: "" }]]],
  ] as [string, [Asked, Answer][]][])("finds %s", (_, answers) => {
    expect(problems(answers).at(-1)).not.toBeNull();
  });
});

/** The next float32 after a positive one. */
function nextFloat(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer);
  bits[0]++;
  return new Float32Array(bits.buffer)[0];
}
