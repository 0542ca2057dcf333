import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FeatureSpec, parseFeatureSpec } from "../../../format/spec.ts";
import { surveyLog } from "../../../lab/init/init.ts";
import { chooseLabel } from "../../../lab/init/label.ts";
import { makePlan, type Plan } from "../../../lab/init/plan.ts";
import { specText } from "../../../lab/init/spec-text.ts";
import { officeLog, serviceLog, shopLog } from "../../../testing/messy-logs.ts";
import { DuckDb } from "../../../trainer/data/duckdb.ts";
import { startBackend } from "../../../trainer/engine/backend.ts";
import { train } from "../../../trainer/training/train.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-init-"));
afterAll(() => {
  expect(DuckDb.openCount).toBe(0);
  rmSync(folder, { recursive: true });
});
const RECORDS = 2000;

interface Made {
  path: string;
  plan: Plan;
  text: string;
  spec: FeatureSpec;
}

async function init(name: string, content: string): Promise<Made> {
  const path = join(folder, name);
  writeFileSync(path, content);
  const survey = await surveyLog([path], {}, RECORDS);
  const plan = makePlan(survey, chooseLabel(survey.columns, path));
  const text = specText(plan, "messy", ["A look at the log."]);
  return { path, plan, text, spec: parseFeatureSpec(text, name) };
}

/** What was chosen, without the defaults that a parsed spec has. */
function fieldsOf({ fields }: FeatureSpec): object[] {
  return fields.map(({ name, from, type, side, prepare, ...rest }) => ({
    name,
    type,
    side,
    ...(from !== undefined && { from }),
    ...(prepare && { prepare }),
    ...("separator" in rest && rest.separator !== "|" && { separator: rest.separator }),
  }));
}

const reasonsOf = ({ columns }: Plan): Record<string, string> =>
  Object.fromEntries(columns.map(({ column, chosen }) => [column.name, chosen]));

/** A short training of LR with the spec as it was written. */
async function trained({ path, spec, text }: Made) {
  await startBackend("cpu");
  expect(spec).toEqual(parseFeatureSpec(text, "again"));
  const log = (part: "train" | "valid") => ({ paths: [path], part });
  return await train(
    {
      ...spec,
      model: { ...spec.model, type: "LR" },
      training: { ...spec.training, batchSize: 64, maxEpochs: 3, learningRate: 0.02 },
    },
    { train: log("train"), valid: log("valid"), cache: join(folder, "cache"), backend: "cpu" },
  );
}

describe("a shop's CSV", () => {
  let made: Made;
  beforeAll(async () => {
    made = await init("shop.csv", shopLog(RECORDS));
  });

  test("has a field for each column that says something", () => {
    const context = { type: "categorical", side: "context" };
    expect(fieldsOf(made.spec)).toEqual([
      { ...context, name: "hour", from: "ts", prepare: [{ time: "hour", zone: "UTC" }] },
      { ...context, name: "weekday", from: "ts", prepare: [{ time: "weekday", zone: "UTC" }] },
      { ...context, name: "user_id" },
      { ...context, name: "country", prepare: ["trim", "lower"] },
      { ...context, name: "device" },
      { name: "item_id", type: "categorical", side: "item" },
      { name: "price", type: "numeric", side: "item", prepare: [{ decimal: "," }] },
      { name: "categories", type: "multi-categorical", side: "item", prepare: [{ list: "python" }] },
      { name: "brand", type: "categorical", side: "item", prepare: [{ missing: ["NaN"] }, "trim", "lower"] },
      { name: "position", type: "numeric", side: "context" },
    ]);
    expect(made.spec).toMatchObject({ label: "clicked", data: { select: {}, split: { kind: "time", by: "ts" } } });
    expect(made.spec.data.decimal).toBeUndefined(); // one column alone says it itself
  });

  test("says why the other columns are left out, and warns of what tells the label", () => {
    expect(reasonsOf(made.plan)).toMatchObject({
      impression_id: "left out: unique per row",
      title: "left out: same as item_id",
      clicked_at: "left out: tells the label",
      clicked: "label",
    });
    expect(made.text).toContain("// impression_id is left out: it has 2,000 values in 2,000 records");
    expect(made.text).toContain('Its parts are those of UTC: "zone"');
    expect(made.text).toMatch(/\/\/ country: 5 values in 20 spellings, such as "/);
    expect(made.plan.warnings).toEqual([
      "clicked_at: it is missing exactly where there is no click, so it is left out; nobody can know it before the click",
    ]);
  });

  test("is trained on with no edit", async () => {
    const { valid, profile } = await trained(made);
    expect(valid.auc).toBeGreaterThan(0.55);
    const spelled = profile.flatMap(({ name, warnings }) => warnings.map((warning) => `${name} ${warning}`));
    expect(spelled).toEqual([]);
    expect(profile.find(({ name }) => name === "country")).toMatchObject({ distinct: 5, missing: 0, unseen: 0 });
  });
});

describe("a European office's CSV", () => {
  let made: Made;
  beforeAll(async () => {
    made = await init("office.csv", officeLog(RECORDS));
  });

  test("has its delimiter, its numbers and its times", () => {
    const format = "%d.%m.%Y %H:%M";
    const context = { type: "categorical", side: "context" };
    expect(fieldsOf(made.spec)).toEqual([
      { ...context, name: "hour", from: "Zeit", prepare: [{ time: "hour", zone: "UTC", format }] },
      { ...context, name: "weekday", from: "Zeit", prepare: [{ time: "weekday", zone: "UTC", format }] },
      { ...context, name: "Kunde" },
      { name: "Artikel", type: "categorical", side: "item" },
      { name: "Umsatz", type: "numeric", side: "context", prepare: [{ decimal: ",", thousands: "." }, "log"] },
      { name: "Preis", type: "numeric", side: "item", prepare: [{ decimal: ",", thousands: "." }] },
      { name: "Tags", type: "multi-categorical", side: "item" },
      { ...context, name: "Filiale" },
      { ...context, name: "Segment", prepare: [{ missing: ["-"] }, { capture: "^\\s*(-?\\d+)" }] },
    ]);
    // Its numbers are all written alike, which is said once.
    expect(made.text).toContain(
      '// The log\'s numbers have "," before the fraction and "." between thousands.\n    "decimal": ",",\n    "thousands": ".",\n',
    );
    expect(made.text).not.toMatch(/"prepare": \[[^\]]*"decimal"/);
    expect(made.spec.data).toMatchObject({ delimiter: ";", split: { kind: "time", by: "Zeit_time" } });
    expect(Object.keys(made.spec.data.select)).toEqual(["label", "Zeit_time"]);
    expect(reasonsOf(made.plan)).toMatchObject({
      Artikelname: "left out: same as Artikel",
      Filialname: "left out: same as Filiale",
      Mandant: "left out: constant",
      Klick: "label, as 0 and 1",
    });
    expect(made.text).toContain("Its times say no zone, and their parts are");
  });

  test("is trained on with no edit", async () => {
    expect((await trained(made)).valid.auc).toBeGreaterThan(0.55);
  });
});

describe("a service's JSON lines", () => {
  let made: Made;
  beforeAll(async () => {
    made = await init("service.jsonl", serviceLog(RECORDS));
  });

  test("has its times, its lists and its weights", () => {
    const context = { type: "categorical", side: "context" };
    expect(fieldsOf(made.spec)).toEqual([
      { ...context, name: "hour", from: "eventTime", prepare: [{ time: "hour", zone: "UTC", unit: "ms" }] },
      { ...context, name: "weekday", from: "eventTime", prepare: [{ time: "weekday", zone: "UTC", unit: "ms" }] },
      { ...context, name: "userId" },
      { ...context, name: "country" },
      { ...context, name: "premium" },
      { name: "adId", type: "categorical", side: "item" },
      { name: "adViews", type: "numeric", side: "item", prepare: ["log"] },
      { name: "topics", type: "multi-categorical", side: "item" },
    ]);
    expect(made.spec).toMatchObject({ label: "clicked", data: { weight: "sampleWeight", split: { by: "eventTime" } } });
    expect(reasonsOf(made.plan)).toMatchObject({ client: "left out: nested", sampleWeight: "sample weight" });
  });

  test("is trained on with no edit", async () => {
    expect((await trained(made)).valid.auc).toBeGreaterThan(0.55);
  });
});
