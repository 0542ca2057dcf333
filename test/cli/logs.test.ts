import { linkSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { writeEvent } from "../../format/event.ts";
import { type Exposure, writeExposure } from "../../format/exposure.ts";
import { writeFloats } from "../../format/floats.ts";
import { exampleEvent, exampleExposure } from "../../testing/exposures/example-lines.ts";
import { ClickLog } from "../../trainer/data/click-log.ts";
import { writeParquet } from "../trainer/data/log-files.ts";
import { runHere } from "./command-here.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-logs-"));
afterAll(() => rmSync(folder, { recursive: true }));

const SPEC = {
  name: "ads",
  label: "click",
  fields: [
    { name: "user", type: "categorical", side: "context" },
    { name: "place", from: "slot", type: "numeric", side: "context" },
    { name: "never", type: "categorical", side: "context" },
    { name: "sku", type: "categorical", side: "item" },
    { name: "price", type: "numeric", side: "item" },
  ],
};

/** A list of three items in the order b, c, a, with propensities ½ and ¼ of the first slots. */
const list = (n: number, changes: Partial<Exposure> = {}): Exposure =>
  exampleExposure(3, {
    id: String(n).padStart(30, "l"),
    cand: ["a", "b", "c"],
    shown: [1, 2, 0],
    p: writeFloats([Math.log(0.5), Math.log(0.25)]),
    lp: Math.log(0.125),
    ctx: { user: `u${n}`, hidden: "no column of the spec" },
    ...changes,
  });
const click = (n: number, item: string): string =>
  writeEvent(exampleEvent({ id: list(n).id, item, received: list(n).t }));

writeFileSync(join(folder, "spec.json"), JSON.stringify(SPEC));
writeFileSync(join(folder, "items.csv"), "sku,price,color\na,1.5,red\nb,2,blue\n");
writeFileSync(
  join(folder, "log.jsonl"),
  [
    writeExposure(list(1)),
    click(1, "c"),
    writeExposure(list(2, { arm: "lr", keep: 0.5 })),
    writeExposure(list(3, { flags: "b" })),
    writeExposure(list(4, { x: "other", p: writeFloats([-9]), served: "origin" })),
    click(4, "b"),
    click(4, "b"),
  ].join("\n"),
);

async function exported(
  ...flags: string[]
): Promise<{ records: Record<string, unknown>[]; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await runHere(folder, [
    ...["logs", "export", "--logs", "log.jsonl", "--spec", "spec.json", "--out", "out.jsonl", ...flags],
  ]);
  expect(code, stderr).toBe(0);
  const lines = readFileSync(join(folder, "out.jsonl"), "utf8").trimEnd().split("\n");
  return { records: lines.map((line) => JSON.parse(line)), stdout, stderr };
}

const about = ({ id, u, arm, t }: Exposure): object => ({ request: id, unit: u, arm, time: t });

test("a record for each item down to the last click, with the spec's columns and the arms' shares", async () => {
  const { records, stdout, stderr } = await exported();
  expect(records).toEqual([
    { click: 0, user: "u1", sku: "b", slot: 0, ...about(list(1)) },
    { click: 1, user: "u1", sku: "c", slot: 1, ...about(list(1)) },
    ...["b", "c", "a"].map((sku, slot) => ({ click: 0, user: "u2", sku, slot, ...about(list(2, { arm: "lr" })) })),
    { click: 1, user: "u4", sku: "b", slot: 0, ...about(list(4)) },
  ]);
  expect(stdout).toMatch(/deepfm │ +2 │ +3 │ 50.0 % │ +2 │/);
  expect(stdout).toMatch(/lr +│ +1 │ +3 │ 50.0 % │ +0 │/);
  expect(stderr).toContain('no list has the column "never": it is missing in all records');
  expect(stderr).toContain('no list has the column "price"');
  await using log = await ClickLog.open([join(folder, "out.jsonl")]);
  expect(await log.count()).toBe(6);
});

test("all slots, with weights by propensities, of one experiment", async () => {
  const { records } = await exported("--labels", "all", "--weights", "--experiment", "homepage-order");
  expect(records.map(({ sku, click, weight }) => [sku, click, weight])).toEqual([
    ["b", 0, expect.closeTo(2, 6)],
    ["c", 1, expect.closeTo(4, 6)],
    ["a", 0, 1],
    ["b", 0, expect.closeTo(4, 6)],
    ["c", 0, expect.closeTo(8, 6)],
    ["a", 0, 2],
  ]);
  const { records: others } = await exported("--labels", "all", "--weights", "--experiment", "other", "--slots", "2");
  // The origin's order has no propensity.
  expect(others.map(({ sku, weight }) => [sku, weight])).toEqual([
    ["b", 1],
    ["c", 1],
  ]);
});

test("weights that a training would not take are told, and those of the spec's own column are not", async () => {
  const told = /the spec has no data\.weight: what is trained by it takes no weights/;
  expect((await exported("--weights")).stderr).toMatch(told);
  expect((await exported()).stderr).not.toMatch(told);
  writeFileSync(join(folder, "weighted.json"), JSON.stringify({ ...SPEC, data: { weight: "worth" } }));
  const { records, stderr } = await exported("--weights", "--spec", "weighted.json", "--arm", "lr");
  expect(stderr).not.toMatch(told);
  expect(records[0]?.worth).toBeCloseTo(4, 6);
});

test("columns of items come from a catalogue, and an item that it lacks is left out and counted", async () => {
  const { records, stdout } = await exported("--items", "items.csv", "--arm", "lr");
  expect(records.map(({ sku, price, color }) => [sku, price, color])).toEqual([
    ["b", "2", undefined],
    ["a", "1.5", undefined],
  ]);
  expect(stdout).toContain("1 record of items that are not in the catalogue");
});

test("lists of integers of 64 bits, and what is no number, come from a catalogue as texts", async () => {
  const items =
    "SELECT * FROM (VALUES ('b', [9007199254740993, 7], 'nan'::DOUBLE), ('c', [], 1.5)) AS t(sku, tags, price)";
  await writeParquet(join(folder, "items.parquet"), items);
  const fields = [...SPEC.fields, { name: "tags", type: "multi-categorical", side: "item" }];
  writeFileSync(join(folder, "tags.json"), JSON.stringify({ ...SPEC, fields }));
  const { records } = await exported("--items", "items.parquet", "--arm", "lr", "--spec", "tags.json");
  expect(records.map(({ sku, tags, price }) => [sku, tags, price])).toEqual([
    ["b", ["9007199254740993", "7"], "NaN"],
    ["c", [], 1.5],
  ]);
});

test.each([
  [["--labels", "most"], "Allowed choices are cascade, all"],
  [["--experiment", "none"], 'got no list of the experiment "none", expected one of "homepage-order", "other"'],
  [["--arm", "lr", "deepfn"], 'log.jsonl: got no list of the arm "deepfn", expected one of "deepfm", "lr"'],
  [["--out", "none.jsonl.gz"], "none.jsonl.gz: got the name of a compressed file, expected one for JSON lines"],
  [["--items", "others.csv"], 'log.jsonl: got lists of items that the catalogue does not have, such as "b", expected'],
  [["--spec", "computed.json"], "got a spec with data.select"],
])("%j is an error, and writes nothing", async (flags, message) => {
  writeFileSync(join(folder, "others.csv"), "sku,price\nz,1\n");
  writeFileSync(join(folder, "computed.json"), JSON.stringify({ ...SPEC, data: { select: { other: "1" } } }));
  const { code, stderr } = await runHere(folder, [
    ...["logs", "export", "--logs", "log.jsonl", "--spec", "spec.json", "--out", "none.jsonl", ...flags],
  ]);
  expect(code).not.toBe(0);
  expect(stderr).toContain(message);
  expect(() => readFileSync(join(folder, "none.jsonl"))).toThrow("ENOENT");
});

test("broken lines are said, and no file that is read is written", async () => {
  const text = readFileSync(join(folder, "log.jsonl"), "utf8");
  writeFileSync(join(folder, "broken.jsonl"), `{broken\n${text}\n{"v":2}\n`);
  linkSync(join(folder, "broken.jsonl"), join(folder, "same.jsonl"));
  const run = (out: string) =>
    runHere(folder, ["logs", "export", "--logs", "broken.jsonl", "--spec", "spec.json", "--out", out]);
  const { code, stderr } = await run("good.jsonl");
  expect(code).toBe(0);
  expect(stderr).toMatch(/warning: 2 bad lines are left out; the first: .*broken\.jsonl, line 1: not JSON/);
  for (const [out, read] of [
    ["broken.jsonl", "broken.jsonl"],
    ["same.jsonl", "broken.jsonl"],
    ["spec.json", "spec.json"],
  ] as const) {
    const refused = await run(out);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain(`${out}: got ${read}, which is read, as the file to write, expected another`);
  }
  expect(readFileSync(join(folder, "broken.jsonl"), "utf8")).toContain(text);
});
