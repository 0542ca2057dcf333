import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { FittedSpec } from "../../../format/fitted-spec.ts";
import { HASH_KEY } from "../../../testing/format/hash-key.ts";
import { ClickLog } from "../../../trainer/data/click-log.ts";
import { fitSpec } from "../../../trainer/data/fit.ts";
import { specOf, testFolder, writeParquet, writerInto } from "./log-files.ts";

const folder = testFolder("fit");
const file = writerInto(folder);

async function fitted(path: string, encoding: object): Promise<FittedSpec["fields"][number]["encoding"]> {
  const spec = specOf({ fields: [{ name: "n", type: "numeric", encoding }] });
  await using log = await ClickLog.open(path, { data: spec.data, label: spec.label });
  return (await fitSpec(spec, log, HASH_KEY)).fields[0]?.encoding as FittedSpec["fields"][number]["encoding"];
}

const standard = { kind: "value", scale: "standard" };
const quantiles = { kind: "quantiles", count: 2 };
const jsonl = (...values: string[]): string => values.map((value) => `{"label":1,"n":${value}}\n`).join("");

describe("fitting reads the numbers that the encoder reads", () => {
  it.each([
    ["booleans", jsonl("true", "false", "false", "true")],
    ["booleans beside numbers", jsonl("true", "0", '"0"', "1.0")],
    ["numbers in text", jsonl('"1"', '" 0 "', '"+1"', '"-0"')],
    ["missing values left out", jsonl("true", "null", '""', "false")],
  ])("%s", async (name, text) => {
    const path = file(`${name.replaceAll(" ", "-")}.jsonl`, text);
    expect(await fitted(path, standard)).toEqual({ kind: "value", shift: 0.5, factor: 2 });
    expect(await fitted(path, quantiles)).toEqual({ kind: "boundaries", boundaries: [0.5] });
  });

  it.each(["BOOLEAN", "DECIMAL(9, 2)", "FLOAT", "HUGEINT", "VARCHAR"])("a column of %s", async (type) => {
    const path = join(folder, "typed.parquet");
    const value = type === "VARCHAR" ? "range" : `CAST(range AS ${type})`;
    await writeParquet(path, `SELECT 1 AS label, CAST(${value} AS ${type}) AS n FROM range(2)`);
    expect(await fitted(path, standard)).toEqual({ kind: "value", shift: 0.5, factor: 2 });
    expect(await fitted(path, quantiles)).toEqual({ kind: "boundaries", boundaries: [0.5] });
  });

  it.each(["1e38", "0.1", "-3e17"])(
    "a column that is always %s, whose sum is rounded, has a shift that leaves 0",
    async (x) => {
      const path = file(`always-${x}.csv`, `label,n\n${`0,${x}\n`.repeat(121)}`);
      expect(await fitted(path, standard)).toEqual({ kind: "value", shift: Number(x), factor: 1 });
    },
  );

  it.each([
    ["none.csv", "label,n\n1,\n0,\n"],
    ["none.jsonl", jsonl("null", '""')],
    ["absent.jsonl", '{"label":1,"n":null}\n{"label":0}\n'],
  ])("a column without a number is refused: %s", async (name, text) => {
    const path = file(name, text);
    await expect(fitted(path, standard)).rejects.toThrow(
      `${path}: got no number in column "n", expected some for its mean`,
    );
    await expect(fitted(path, quantiles)).rejects.toThrow(
      `${path}: got no number in column "n", expected some for its quantiles`,
    );
  });

  it.each([
    ["words.csv", "label,n\n1,\n0,old\n", '"old"', "line 3"],
    ["hex.csv", "label,n\n1,0x1\n0,\n", '"0x1"', "line 2"],
    ["nan.csv", "label,n\n1,NaN\n0,\n", '"NaN"', "line 2"],
    ["list.jsonl", jsonl("[1]"), "[1]", "line 1"],
  ])("and so is one of other values, by the first of them: %s", async (name, text, got, line) => {
    const path = file(name, text);
    const error = `${path}, ${line}: column n: got ${got}, expected a number`;
    await expect(fitted(path, standard)).rejects.toThrow(error);
    await expect(fitted(path, quantiles)).rejects.toThrow(error);
  });
});
