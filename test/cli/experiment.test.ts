import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, onTestFinished, test, vi } from "vitest";
import { entryText } from "../../cli/commands/experiment/entry-text.ts";
import { textOf } from "../../deploy/kv/kv-store.ts";
import { openStore } from "../../deploy/kv/open-store.ts";
import { readPayload } from "../../format/experiment.ts";
import { payloadKey, readExperimentsPointer } from "../../format/experiments-pointer.ts";
import { readMacKeys } from "../../format/mac.ts";
import { readPreview } from "../../format/preview.ts";
import { generateToken } from "../../format/tokens.ts";
import { Evaluator } from "../../worker/experiments/evaluator.ts";
import { runHere } from "./command-here.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-experiment-"));
afterAll(() => rmSync(folder, { recursive: true }));
const ARMS = [
  { arm: "origin", model: null },
  { arm: "deepfm", model: "ads", policy: { policy: "plackett-luce", temperature: 0.5 }, k: 10 },
];
const file = (name: string, value: unknown): string => {
  writeFileSync(join(folder, name), JSON.stringify(value));
  return name;
};
const arms = file("arms.json", ARMS);
const CREATE = ["create", "ranker", "--list", "home", "--arms", arms, "--unit", "uid"];

let stores = 0;
/** Runs `experiment` on a store of its own, and returns what it prints. */
function newStore(): (...args: string[]) => Promise<string> {
  const store = `store${++stores}`;
  mkdirSync(join(folder, store));
  return async (...args) => {
    const { out } = await runHere(folder, ["experiment", ...args, "--folder", store]);
    return out.trim();
  };
}

/** The payload of a store as the Worker reads it. */
async function evaluatorOf(store: string): Promise<Evaluator> {
  await using opened = await openStore({ folder: join(folder, store) });
  const pointer = readExperimentsPointer((await textOf(opened, "experiments")) ?? "");
  const bytes = await opened.bytes(payloadKey(pointer?.payload ?? ""));
  return new Evaluator(await readPayload(bytes ?? new Uint8Array(0), "payload"));
}

/** What the Worker makes of the store: the arm of each of 400 units; null: in no experiment. */
async function armsOf(store = `store${stores}`): Promise<(string | null)[]> {
  const evaluator = await evaluatorOf(store);
  return Array.from({ length: 400 }, (_, i) => evaluator.assign("home", { uid: `unit ${i}` }, null)?.arm.arm ?? null);
}

/** The arm that the list of the last store has outside of all experiments. */
async function shipped(): Promise<object & { policy?: unknown }> {
  return (await evaluatorOf(`store${stores}`)).assign("home", { uid: "unit" }, null)?.arm ?? {};
}

test("an experiment goes from a draft to its end; a ramp moves no unit, and a new phase shuffles all", async () => {
  const run = newStore();
  expect(await run("show")).toBe("there is no experiment");
  expect(await run(...CREATE, "--weights", "1,3")).toMatch(
    /^ranker: draft, on the list home, phase 1 \([0-9a-f]{8}\), 0 % of units\n {2}origin 25 % \(the origin's order\); deepfm 75 % \(ads, plackett-luce\)$/,
  );
  expect(new Set(await armsOf())).toEqual(new Set([null]));
  const started = await run("start", "ranker", "--coverage", "10%");
  expect(started).toContain("ranker: running");
  const first = await armsOf();
  expect(await run("ramp", "ranker", "--coverage", "0.5")).toContain("50 % of units");
  const second = await armsOf();
  for (const [unit, arm] of first.entries()) if (arm !== null) expect(second[unit]).toBe(arm);
  const counts = (list: (string | null)[]): number => list.filter((arm) => arm !== null).length;
  expect(counts(first)).toBeLessThan(counts(second));
  // A ramp leaves the phase as it is: analyses go on.
  const phase = (text: string): string | undefined => /\(([0-9a-f]{8})\)/.exec(text)?.[1];
  expect(phase(await run("show", "ranker"))).toBe(phase(started));
  expect(await run("stop", "ranker")).toContain("ranker: stopped");
  expect(counts(await armsOf())).toBe(0);
  expect(await run(...CREATE, "--weights", "1,3", "--new-phase")).toContain("phase 2");
  const again = await run("start", "ranker", "--coverage", "100%");
  expect(phase(again)).not.toBe(phase(started));
  const third = await armsOf();
  expect(second.some((arm, unit) => arm !== null && arm !== third[unit])).toBe(true);
  expect(await run("stop", "ranker", "--ship", "deepfm")).toContain("0 % of units");
  expect(new Set(await armsOf())).toEqual(new Set(["deepfm"]));
  expect(JSON.parse(await run("show", "--json"))).toMatchObject([
    { name: "ranker", list: "home", state: "stopped", number: 2, coverage: 0, weights: [0.25, 0.75], attribute: "uid" },
  ]);
});

test("an arm is shipped with its pinned slots, and without chance", async () => {
  const run = newStore();
  const pinned = file("pinned.json", [
    { arm: "origin", model: null },
    { arm: "lr", model: "ads", policy: { policy: "epsilon-greedy", epsilon: 0.1, pinned: [0] } },
  ]);
  await run("create", "ranker", "--list", "home", "--arms", pinned, "--unit", "uid");
  expect(await run("stop", "ranker", "--ship", "lr")).toMatch(
    /warning: ranker: arm lr: got the model "ads", expected one that is published/,
  );
  expect((await shipped()).policy).toEqual({ policy: "greedy", pinned: [0] });
  expect(await run("stop", "ranker", "--ship", "origin")).not.toContain("warning");
  expect(await shipped()).toMatchObject({ arm: "origin", model: null, policy: { policy: "greedy" } });
});

test("a model of an arm that is not published is said when units are let in", async () => {
  const run = newStore();
  await run(...CREATE);
  const said = /warning: ranker: arm deepfm: got the model "[^"]+", expected one that is published/;
  expect(await run("start", "ranker", "--coverage", "10%")).toMatch(said);
  expect(await run("ramp", "ranker", "--coverage", "20%")).toMatch(said);
  expect(await run("show", "ranker")).not.toContain("warning");
});

test("of two experiments of a list the second has what the first leaves, which is said", async () => {
  const run = newStore();
  const others = file("others.json", [
    { arm: "a", model: null },
    { arm: "b", model: null, policy: { policy: "greedy", pinned: [0] } },
  ]);
  const create = (name: string, ...more: string[]) =>
    run("create", name, "--list", "home", "--arms", others, "--unit", "uid", ...more);
  await run(...CREATE);
  await create("second");
  const inSecond = async (): Promise<number> =>
    (await armsOf()).filter((arm) => arm === "a" || arm === "b").length / 400;
  const first = await run("start", "ranker", "--coverage", "60%");
  expect(first).toContain("60 % of units\n");
  expect(first).not.toContain("second");
  const started = await run("start", "second", "--coverage", "50%");
  expect(started).toContain("50 % of the units that ranker leaves, 20 % of all\n");
  expect(started).not.toContain("warning");
  expect(await inSecond()).toBeCloseTo(0.2, 1);
  expect(await run("ramp", "ranker", "--coverage", "100%")).toContain(
    "warning: second: it comes after ranker on the list home: units that were in it are in ranker now",
  );
  expect(await inSecond()).toBe(0);
  await create("third", "--condition", '{"country": "de"}');
  const third = await run("start", "third", "--coverage", "100%");
  expect(third).toContain("100 % of the units that ranker and second leave, 0 % of all\n");
  expect(third).toContain(
    "warning: third: it comes after ranker and second on the list home, and no unit is left to it",
  );
  await run("stop", "ranker");
  await run("stop", "second");
  expect(await run("show", "third")).toContain("100 % of units\n");
  // How many units meet a condition is nobody's to know.
  await run("create", "ranker", ...CREATE.slice(2), "--new-phase");
  await run("start", "ranker", "--coverage", "50%");
  expect(await run("show", "ranker")).toContain("50 % of the units that third leaves\n");
  expect(JSON.parse(await run("show", "ranker", "--json"))).toMatchObject([
    { after: ["third"], left: null, before: [] },
  ]);
});

test("what would move units, or say something else than it does, is refused with the reason", async () => {
  const run = newStore();
  const refused = async (message: string, ...args: string[]): Promise<void> => {
    expect(await run(...args), args.join(" ")).toContain(message);
  };
  await refused("got the experiment ranker, expected none", "start", "ranker", "--coverage", "1");
  await refused("expected it for one that is there", ...CREATE, "--new-phase");
  await refused("--weights: got 1,x, expected numbers above 0", ...CREATE, "--weights", "1,x");
  await refused("weights: got 3, expected 2, one for each arm", ...CREATE, "--weights", "1,1,1");
  const kept = file("kept.json", [ARMS[0], { arm: "constructor", model: "ads" }]);
  await refused("got the arm constructor, a name that JavaScript keeps", ...CREATE.with(CREATE.indexOf(arms), kept));
  const wrong = file("wrong.json", [ARMS[0], { arm: "b", model: "ads", policy: { policy: "soft" } }]);
  await refused(
    'wrong.json[1]: policy.policy: got "soft"',
    "create",
    "x",
    "--list",
    "home",
    "--arms",
    wrong,
    "--unit",
    "u",
  );
  const none = file("none.json", {});
  await refused(
    "none.json: got no list, expected a list of arms",
    "create",
    "x",
    "--list",
    "h",
    "--arms",
    none,
    "--unit",
    "u",
  );
  await refused("got the name __proto__, which JavaScript keeps", "create", "__proto__", ...CREATE.slice(2));
  for (const [unseen, code] of [
    ["\ufeffranker", "U+FEFF"],
    ["ran\u200bker", "U+200B"],
    ["ranker\u202e", "U+202E"],
    ["ran\u00a0ker", "U+00A0"],
    ["ran\u3164ker", "U+3164"],
    [" ranker", "U+0020"],
    ["ranker ", "U+0020"],
    ["ranker\ud800", "U+D800"],
    ["ran\nker", "U+000A"],
  ] as const) {
    await refused(
      `with ${code} where nobody sees it, expected a name without it`,
      "create",
      unseen,
      ...CREATE.slice(2),
    );
    await refused("list: got ", "create", "ranker", "--list", unseen, ...CREATE.slice(4));
    await refused("unit: got ", ...CREATE.slice(0, -1), unseen);
  }
  await refused("expected its characters composed", "create", "cafe\u0301", ...CREATE.slice(2));
  await refused("--condition: not JSON", ...CREATE, "--condition", "{country}");
  await refused("--condition: country: got the operator $is", ...CREATE, "--condition", '{"country": {"$is": "de"}}');
  await refused('--condition: got the key "a" twice', ...CREATE, "--condition", '{"a": 1, "a": 2}');
  await run(...CREATE, "--condition", '{"country": "de"}');
  await refused("got the name of an experiment that is there, expected --new-phase", ...CREATE);
  await refused("expected one that runs", "ramp", "ranker", "--coverage", "1");
  for (const coverage of ["0", "2", "110%", "-1", "x"])
    await refused("expected a share above 0", "start", "ranker", "--coverage", coverage);
  await run("start", "ranker", "--coverage", "0.5");
  await refused("it runs already, expected ramp", "start", "ranker", "--coverage", "1");
  await refused(
    "got a coverage of 0.5, expected more than its 0.5: fewer would take units out",
    "ramp",
    "ranker",
    "--coverage",
    "50%",
  );
  await refused(
    "got a new phase of an experiment that runs, expected it to be stopped first",
    ...CREATE,
    "--new-phase",
  );
  await refused("--ship: got c, expected one of origin, deepfm", "stop", "ranker", "--ship", "c");
  await run("stop", "ranker");
  await refused("expected a new phase of it", "start", "ranker", "--coverage", "1");
  await refused("it was stopped already", "stop", "ranker");
  await refused("got the experiment other, expected ranker", "show", "other");
});

test("an arm has at least one of the 10,000 buckets of units, and a ramp lets at least one more in", async () => {
  const run = newStore();
  for (const [weights, got] of [
    ["1e-320,1", "1e-320 of 1"],
    ["1e308,1e308", "1e+308 of Infinity"],
    ["1,10000", "1 of 10001"],
  ])
    expect(await run(...CREATE, "--weights", weights)).toContain(
      `ranker: weights: got ${got} in all, expected at least a 10000th of it`,
    );
  expect(await run("show")).toBe("there is no experiment");
  expect(await run(...CREATE, "--weights", "0.1,999.9")).toContain("origin 0.01 %");
  expect(await run("start", "ranker", "--coverage", "50%")).toContain(
    "ranker: got a coverage of 0.5, expected at least 1, with which the arm origin has one of the 10000 buckets",
  );
  expect(await run("show", "ranker")).toContain("ranker: draft");
  expect(await run("start", "ranker", "--coverage", "100%")).toContain("running");
  expect(await run("stop", "ranker")).toContain("stopped");
  await run(...CREATE, "--weights", "1,1", "--new-phase");
  for (const coverage of ["0.01%", "0.000000000000001"])
    expect(await run("start", "ranker", "--coverage", coverage)).toContain("expected at least 0.0002");
  await run("start", "ranker", "--coverage", "0.02%");
  expect(await run("ramp", "ranker", "--coverage", "0.02%")).toContain("expected more than its 0.0002");
  expect(await run("ramp", "ranker", "--coverage", "10%")).toContain("10 % of units");
  // The bucket 500 begins where 10 % end.
  expect(await run("ramp", "ranker", "--coverage", "0.10001")).toContain("10 % of units");
  expect(await run("ramp", "ranker", "--coverage", "0.10002")).toContain(
    "ranker: got a coverage of 0.10002, which lets no bucket of units in beside those of its 0.10001, expected more",
  );
});

test("a name that would steer a terminal is printed as JSON has it", async () => {
  const text = entryText({
    ...{ name: "a\u001b[2J", list: "home", state: "draft", number: 1, phase: "0", coverage: 0, after: [], left: null },
    ...{ before: [], arms: [], weights: [], attribute: "uid", changed: null },
  });
  expect(text).toContain("a\\u001b[2J: draft");
});

test("a payload that a console writes is left alone, and a damaged one is named", async () => {
  const run = newStore();
  await using store = await openStore({ folder: join(folder, `store${stores}`) });
  await store.putTexts([{ key: "experiments", value: '{"features": {}}' }]);
  expect(await run(...CREATE)).toContain("experiments: got a payload in place of a pointer");
  await store.delete(["experiments"]);
  await run(...CREATE);
  const { payload = "" } = readExperimentsPointer((await textOf(store, "experiments")) ?? "") ?? {};
  await store.putBytes(payloadKey(payload), new Uint8Array(3));
  expect(await run("show")).toContain(`payload/${payload}: got bytes with the SHA-256`);
  await store.delete([payloadKey(payload)]);
  expect(await run("show")).toContain("got nothing, expected the payload of the pointer");
});

test("preview prints a parameter that the Worker reads, for as long as it lasts", async () => {
  const secret = generateToken();
  vi.stubEnv("EXPERIMENT_SECRETS", secret);
  onTestFinished(() => void vi.unstubAllEnvs());
  const { out } = await runHere(folder, ["experiment", "preview", "ranker", "deepfm", "--days", "1"]);
  const [[name, value] = []] = new URLSearchParams(out.trim());
  const keys = readMacKeys(secret, "secret");
  expect(name).toBe("dfe-preview");
  const hours = (n: number): number => Date.now() + n * 3_600_000;
  expect(readPreview(String(value), keys, hours(23))).toEqual({ experiment: "ranker", arm: "deepfm" });
  expect(readPreview(String(value), keys, hours(25))).toBeNull();
  const { out: refused } = await runHere(folder, ["experiment", "preview", "ranker", "deepfm", "--days", "400"]);
  expect(refused).toContain("expected a number of days above 0");
});

test("preview names the variable that it takes the secret from, where that is not there", async () => {
  vi.stubEnv("EXPERIMENT_SECRETS", undefined);
  onTestFinished(() => void vi.unstubAllEnvs());
  const { out, code } = await runHere(folder, ["experiment", "preview", "ranker", "deepfm"]);
  expect(out).toContain("EXPERIMENT_SECRETS: got no secret");
  expect(code).toBe(1);
});
