import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeEvent } from "../../format/event.ts";
import { type Exposure, writeExposure } from "../../format/exposure.ts";
import { writeFloats } from "../../format/floats.ts";
import { fromHex } from "../../format/hash.ts";
import { parsePolicy } from "../../format/policy.ts";
import { parseFeatureSpec } from "../../format/spec.ts";
import { RewardModels } from "../../lab/analysis/experiment/reward-models.ts";
import { foldOf } from "../../lab/analysis/export/folds.ts";
import { drawOrder } from "../../runtime/orders/order.ts";
import { exampleEvent, exampleExposure } from "../../testing/exposures/example-lines.ts";
import { Random } from "../../trainer/data/random.ts";
import { sigmoid } from "../../trainer/metrics/metrics.ts";
import { runHere } from "./command-here.ts";

// A log whose truth is known, the models that learn from each half of its units, and what they say of the other half.
// Models are made as docs/experiments.md says, by its own words.

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-reward-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The part on trained reward models. */
const [, RECIPE = ""] =
  /^### Trained reward models$(.*?)^##/ms.exec(
    readFileSync(new URL("../../docs/experiments.md", import.meta.url), "utf8"),
  ) ?? [];

/** The arguments of each command of the recipe, in their order. */
function recipeCommands(): string[][] {
  const [, loop = "", after = ""] = /for i in 1 2; do$(.*?)^ {4}done$(.*?)^$/ms.exec(RECIPE) ?? [];
  const shell = [1, 2].map((i) => loop.replaceAll("$i", String(i))).join("") + after.replaceAll("\\\n", " ");
  return Array.from(shell.matchAll(/npx deepfm-edge (.+)/g), ([, words = ""]) =>
    Array.from(words.matchAll(/'([^']*)'|\S+/g), ([word, quoted]) => quoted ?? word),
  );
}

const SPEC = {
  name: "reward",
  label: "click",
  fields: [
    { name: "device", type: "categorical", side: "context" },
    { name: "item", type: "categorical", side: "item" },
  ],
  model: { type: "LR" },
  training: { batchSize: 64, learningRate: 0.05, maxEpochs: 6 },
  ...JSON.parse(`{${/^"data": .*$/m.exec(RECIPE)?.[0]}}`),
};
const ITEMS = ["a", "b", "c", "d"];
/** A click on the first slot is as probable as σ of both says; the arm's logits know nothing of the device. */
const TASTE = [0, -0.5, 0.3, -1];
const DEVICES = { phone: 2, desktop: -2 };
const LOGITS = Float32Array.from([0.9, 0.3, 0, -0.4]);
/** The greedy policy shows the first item to everybody. */
const TRUTH = (sigmoid(TASTE[0] + DEVICES.phone) + sigmoid(TASTE[0] + DEVICES.desktop)) / 2;
const LISTS = 1500;
const policy = parsePolicy({ policy: "plackett-luce", temperature: 1, k: 1 });
const exposures: Exposure[] = [];
/** What each command of the recipe printed. */
const said: string[] = [];

async function run(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runHere(folder, args);
  expect(code, stderr).toBe(0);
  return stdout;
}

beforeAll(async () => {
  const random = new Random(5);
  const hex = (digits: number): string =>
    Array.from({ length: digits }, () => random.integer(16).toString(16)).join("");
  const lines: string[] = [];
  for (let n = 0; n < LISTS; n++) {
    const device = random.uniform() < 0.5 ? "phone" : "desktop";
    const seed = hex(32);
    const order = drawOrder(policy, { ids: ITEMS, logits: LOGITS }, fromHex(seed));
    const exposure = exampleExposure(ITEMS.length, {
      ...{ id: `${hex(20)}${String(n).padStart(10, "0")}`, u: hex(16), policy, seed, ctx: { device } },
      ...{ cand: ITEMS, logits: writeFloats(LOGITS), shown: [...order.shown] },
      ...{ p: writeFloats(order.logPropensities), lp: order.logPropensity },
    });
    exposures.push(exposure);
    lines.push(writeExposure(exposure));
    const item = order.shown[0];
    if (random.uniform() < sigmoid(TASTE[item] + DEVICES[device]))
      lines.push(writeEvent(exampleEvent({ id: exposure.id, item: ITEMS[item] })));
  }
  mkdirSync(join(folder, "logs"));
  writeFileSync(join(folder, "logs", "log.jsonl"), `${lines.join("\n")}\n`);
  writeFileSync(join(folder, "spec.json"), JSON.stringify(SPEC));
  for (const args of recipeCommands()) said.push(await run(...args));
});

test("the recipe ends with what the trained models say of another policy", () => {
  expect(said.length).toBe(7);
  expect(said.at(-1)).toContain("DR, reward by trained models");
});

test("models that have nothing to judge are a warning", async () => {
  const asked = ["--reward-model", "reward1", "reward2", "--reward-spec", "spec.json"];
  const { code, stderr } = await runHere(folder, ["experiment", "analyze", "--logs", "logs", ...asked]);
  expect([code, stderr]).toEqual([
    0,
    expect.stringContaining("--reward-model: got nothing to judge, expected a policy"),
  ]);
});

test("a fold's log has the units of the others, and each unit is in one fold", () => {
  const units = [1, 2].map(
    (fold) =>
      new Set(
        readFileSync(join(folder, `fold${fold}.jsonl`), "utf8")
          .trimEnd()
          .split("\n")
          .map((line): string => JSON.parse(line).unit),
      ),
  );
  for (const { u } of exposures)
    expect(units.map((of) => of.has(u))).toEqual([0, 1].map((fold) => foldOf(u, 2) !== fold));
  for (const of of units) expect(of.size).toBeGreaterThan(0.4 * LISTS);
});

test("a list is judged by the model that was trained without its unit", async () => {
  const spec = parseFeatureSpec(JSON.stringify(SPEC), "spec.json");
  const folders = [1, 2].map((fold) => join(folder, `reward${fold}`));
  const models = await RewardModels.open(folders, spec);
  const swapped = await RewardModels.open(folders.toReversed(), spec);
  const [first] = exposures;
  const [even, odd] = ["0000000000000000", "0000000000000001"].map((u) => ({ ...first, u }));
  expect(models.clicked(even)).toEqual(swapped.clicked(odd));
  expect(models.clicked(odd)).toEqual(swapped.clicked(even));
  expect(models.clicked(even)).not.toEqual(models.clicked(odd));
  const device = first.ctx?.device as keyof typeof DEVICES;
  for (const [i, p] of models.clicked(even).entries())
    expect(Math.abs(p - sigmoid(TASTE[i] + DEVICES[device]))).toBeLessThan(0.1);
});

test("DR by trained models holds the truth, and is more exact than by a line through the logits", async () => {
  const analyze = ["experiment", "analyze", "--logs", "logs", "--json", "--what-if", '{"policy":"greedy"}'];
  const estimates = async (...flags: string[]) => {
    const { offPolicy } = JSON.parse(await run(...analyze, ...flags)).phases[0];
    return offPolicy.find(({ slot }: { slot: string }) => slot === "first slot").estimates as {
      estimator: string;
      value: number;
      error: number;
      normal: [number, number];
    }[];
  };
  const trained = await estimates("--reward-model", "reward1", "reward2", "--reward-spec", "spec.json");
  const line = await estimates();
  const by = (found: typeof line, name: string) => {
    const one = found.find(({ estimator }) => estimator === name);
    if (!one) throw new Error(`got ${found.map(({ estimator }) => estimator).join("; ")}, expected ${name}`);
    return one;
  };
  const robust = by(trained, "DR, reward by trained models");
  expect(robust.normal[0]).toBeLessThan(TRUTH);
  expect(robust.normal[1]).toBeGreaterThan(TRUTH);
  expect(robust.error).toBeLessThan(0.9 * by(line, "DR").error);
  expect(by(trained, "IPS")).toEqual(by(line, "IPS"));
});

test.each([
  [["--reward-model", "reward1", "reward2"], "expected the first two at least"],
  [["--reward-model", "reward1", "--reward-spec", "spec.json"], "got 1 export, expected one for each of two folds"],
  [["--items", "items.csv"], "expected the first two at least"],
])("%j is an error", async (flags, message) => {
  const { code, stderr } = await runHere(folder, ["experiment", "analyze", "--logs", "logs", ...flags]);
  expect([code, stderr]).toEqual([1, expect.stringContaining(message)]);
});
