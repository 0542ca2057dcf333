import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { experimentsKey, payloadKey, writeExperimentsPointer } from "../../../format/experiments-pointer.ts";
import { loggedErrors } from "../client.ts";
import { makeModel, publishTiny } from "../tiny-model.ts";
import { listOf, publishPayload, startExperiments } from "./experiment-worker.ts";

const ARMS = [
  { arm: "origin", model: null },
  { arm: "greedy", model: "tiny" },
];
const model = await makeModel(1);

beforeAll(async () => {
  await reset();
  await publishTiny(env.MODELS, model);
});
beforeEach(() => env.MODELS.delete(experimentsKey()));

type Started = ReturnType<typeof startExperiments>;

/** The phase of the experiment that a unit is in, and null where it is in none. */
async function phaseOf({ post }: Started): Promise<string | null> {
  const body = { experiment: "home", context: { site: "site1" }, candidates: [{ ad: "ad1" }], ids: ["a"] };
  const { experiment } = await (await post("/v1/rank", body)).json<{ experiment?: { phase: string } }>();
  return experiment?.phase ?? null;
}

async function statusOf({ asAdmin }: Started): Promise<Record<string, unknown>> {
  return (await (await asAdmin("/readyz")).json<{ experiments: Record<string, unknown> }>()).experiments;
}

const payload = (seed: string): object => ({ features: { home: listOf(ARMS, { seed }) } });

test("a payload is followed off the way of requests, and a stop is seen within 90 s", async () => {
  const first = await publishPayload(payload("one"));
  const worker = startExperiments();
  const before = await phaseOf(worker);
  expect(before).not.toBeNull();
  expect(await statusOf(worker)).toMatchObject({ state: "serving", payload: first, problem: null });
  await publishPayload(payload("two"));
  worker.clock.ms += 29_000;
  expect(await phaseOf(worker)).toBe(before);
  worker.clock.ms += 1_000;
  // This one begins the look, and does not wait for it.
  expect(await phaseOf(worker)).toBe(before);
  const after = await phaseOf(worker);
  expect(after).not.toBe(before);
  // An isolate that had no requests waits: what it knows is too old.
  await publishPayload({ features: {} });
  worker.clock.ms += 60_000;
  expect(await phaseOf(worker)).toBeNull();
  expect(await worker.metrics()).toContain('experiment_payloads_total{result="loaded"} 3');
});

test("a payload that the console's webhook writes serves as it is", async () => {
  await env.MODELS.put(experimentsKey(), JSON.stringify({ status: 200, ...payload("one"), dateUpdated: "2026-01-01" }));
  const worker = startExperiments();
  expect(await phaseOf(worker)).not.toBeNull();
  await env.MODELS.delete(experimentsKey());
  worker.clock.ms += 60_000;
  expect(await phaseOf(worker)).toBeNull();
});

const BROKEN: [name: string, break_: () => Promise<unknown>, problem: string][] = [
  ["no JSON", () => publishPayload('{"features":'), "not JSON"],
  [
    "weights that are none",
    () => publishPayload({ features: { home: listOf(ARMS, { weights: [1, 1] }) } }),
    "together, expected 1",
  ],
  ["another version", () => publishPayload({ "deepfm-edge": { version: 2 }, features: {} }), "got 2, expected 1"],
  [
    "more than 1 MiB",
    () => publishPayload({ ...payload("long"), note: "x".repeat(2 ** 20) }),
    "got more than 1048576 bytes",
  ],
  [
    "more than 1 MiB without a pointer",
    () => env.MODELS.put(experimentsKey(), " ".repeat(2 ** 20 + 1)),
    "got more than 1048576 bytes",
  ],
  [
    "bytes of another hash",
    async () => {
      const hash = await publishPayload(payload("swapped"));
      await env.MODELS.put(payloadKey(hash), JSON.stringify(payload("in its place")));
    },
    "got bytes with the SHA-256",
  ],
  [
    "nothing behind the pointer",
    () => env.MODELS.put(experimentsKey(), writeExperimentsPointer({ payload: "0".repeat(64), since: 1e12 })),
    "got nothing, expected the payload of the pointer",
  ],
  [
    "a condition that might take for ever",
    async () => {
      const rule = { condition: { device: { $regex: "(a+)+$" } } };
      await publishPayload({ features: { home: listOf(ARMS, rule) } });
    },
    "features.home.rules[0].condition: device: $regex: got conditions that are",
  ],
  ["no pointer", () => env.MODELS.put(experimentsKey(), '{"version": 1}'), "payload: missing"],
];

test.each(BROKEN)("a payload with %s leaves the last good one serving", async (_, breakIt, problem) => {
  const hash = await publishPayload(payload("good"));
  const worker = startExperiments();
  const phase = await phaseOf(worker);
  const errors = loggedErrors();
  await breakIt();
  for (let look = 0; look < 2; look++) {
    worker.clock.ms += 60_000;
    expect(await phaseOf(worker)).toBe(phase);
  }
  const logged = errors();
  expect(logged).toMatchObject([{ event: "experiments_refused", serving: hash }]);
  expect(String(logged[0]?.error)).toContain(problem);
  expect(await statusOf(worker)).toMatchObject({
    state: "serving",
    payload: hash,
    problem: expect.stringContaining(problem),
  });
  expect(await worker.metrics()).toContain('experiment_payloads_total{result="refused"} 2');
});

test("an older pointer that a part of KV still shows changes nothing", async () => {
  const old = (await env.MODELS.get(await older())) as string;
  const worker = startExperiments();
  const phase = await phaseOf(worker);
  await env.MODELS.put(experimentsKey(), old);
  worker.clock.ms += 60_000;
  expect(await phaseOf(worker)).toBe(phase);

  /** Publishes two payloads, and keeps the pointer to the first. */
  async function older(): Promise<string> {
    await publishPayload(payload("one"));
    await env.MODELS.put("old", (await env.MODELS.get(experimentsKey())) as string);
    await publishPayload(payload("two"));
    return "old";
  }
});

test("EXPERIMENTS = off is at once, and what is no such switch is refused", async () => {
  await publishPayload(payload("one"));
  const off = startExperiments({ EXPERIMENTS: "off" });
  expect([await phaseOf(off), (await statusOf(off)).state]).toEqual([null, "off"]);
  const wrong = await startExperiments({ EXPERIMENTS: "no" }).post("/v1/rank", {});
  expect(await wrong.json()).toMatchObject({ status: 503, detail: expect.stringContaining('EXPERIMENTS: got "no"') });
});
