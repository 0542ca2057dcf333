// A field's column may have a type in `data.types` where that leaves its values as a request has them.
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseWith } from "../../../format/parse.ts";
import { FeatureSpecSchema } from "../../../format/spec.ts";
import { HASH_KEY } from "../../../testing/format/hash-key.ts";
import { openHeldOutLog } from "../../../trainer/data/held-out-log.ts";
import { openPart } from "../../../trainer/data/logs.ts";
import { openTrainingLog } from "../../../trainer/data/training-log.ts";
import { openCatalogue } from "../../../trainer/export/items.ts";
import { testFolder, writeParquet, writerInto } from "./log-files.ts";

const folder = testFolder("typed-fields");
const file = writerInto(folder);
const cache = join(folder, "cache");

function specOf(types: object, field: object = {}) {
  const fields = [{ name: "site", type: "categorical", side: "item", ...field }];
  return parseWith(FeatureSpecSchema, { name: "typed", fields, data: { types } }, "spec.json");
}

const csv = file("log.csv", "label,site\n1,007\n0,17.0\n1,\n0,007\n");
const lines = file("log.jsonl", '{"label": 1, "site": 17.0}\n{"label": 0, "site": "a"}\n');

const REFUSED = 'got "site", which data.types makes VARCHAR, so that requests would have other values: expected ';

describe("a type of text", () => {
  it.each(["VARCHAR", " text "])("%o of a column of CSV changes nothing", async (type) => {
    const [plain, typed] = await Promise.all(
      [{}, { site: type }].map((types) => openTrainingLog(specOf(types), { paths: [csv] }, cache, HASH_KEY)),
    );
    expect(typed?.vocabulary.size).toBe(4); // the OOV row, 007, 17.0 and missing
    expect(typed?.vocabulary.keys).toEqual(plain?.vocabulary.keys);
    expect(typed?.vocabulary.counts).toEqual(plain?.vocabulary.counts);
  });

  it.each(["'007'", "9007199254740993"])("of the Parquet values %s changes nothing", async (x) => {
    const path = await writeParquet(
      join(folder, `${x.replaceAll(/\W/g, "-")}.parquet`),
      `SELECT 1 AS label, ${x} AS site UNION ALL SELECT 0, ${x}`,
    );
    const [plain, typed] = await Promise.all(
      [{}, { site: "VARCHAR" }].map((types) => openTrainingLog(specOf(types), { paths: [path] }, cache, HASH_KEY)),
    );
    expect(typed?.vocabulary.keys).toEqual(plain?.vocabulary.keys);
  });

  it("is refused for a field where it makes other texts, wherever the log is read", async () => {
    const path = await writeParquet(join(folder, "real.parquet"), "SELECT 1 AS label, 17.0::DOUBLE AS site");
    const spec = specOf({ site: "VARCHAR" });
    const { fitted, vocabulary } = await openTrainingLog(spec, { paths: [csv] }, cache, HASH_KEY);
    for (const other of [path, lines]) {
      const problem = `${other}: field "site": ${REFUSED}`;
      const log = { paths: [other] };
      await expect(openTrainingLog(spec, log, cache, HASH_KEY)).rejects.toThrow(problem);
      await expect(openHeldOutLog(spec, { fitted, vocabulary }, log, cache)).rejects.toThrow(problem);
      await expect(openPart(spec, log)).rejects.toThrow(problem);
      await expect(openCatalogue(spec, log.paths)).rejects.toThrow(problem);
    }
  });

  it("is refused where only some of a log's files have text", async () => {
    const text = await writeParquet(join(folder, "some-text.parquet"), "SELECT 1 AS label, '17' AS site");
    const real = await writeParquet(join(folder, "some-real.parquet"), "SELECT 0 AS label, 17.0::DOUBLE AS site");
    await expect(openPart(specOf({ site: "VARCHAR" }), { paths: [text, real] })).rejects.toThrow(REFUSED);
  });

  it("is allowed where callers send the text that is made, and of a column that no field has", async () => {
    await using given = await openPart(specOf({ site: "VARCHAR" }, { servedAs: "given" }), { paths: [lines] });
    expect(await given.count()).toBe(2);
    await using other = await openPart(specOf({ label: "VARCHAR" }), { paths: [lines] });
    expect(await other.count()).toBe(2);
  });
});

describe("a type that changes nothing", () => {
  it("as no column has its name, is told of", async () => {
    const parquet = await writeParquet(join(folder, "no-such.parquet"), "SELECT 1 AS label, 'a' AS site");
    for (const path of [csv, parquet]) {
      await using log = await openPart(specOf({ Site: "VARCHAR", seen: "DOUBLE", label: "INTEGER" }), {
        paths: [path],
      });
      expect(log.warnings).toEqual(
        ["Site", "seen"].map(
          (name) => `${path}: no column "${name}", to which data.types gives a type; got "label", "site"`,
        ),
      );
    }
  });

  it("as the columns of the format have theirs, is refused", async () => {
    const path = file("types.libsvm", "1 3:2\n0 4:1\n");
    await expect(openPart(specOf({ 3: "DOUBLE" }), { paths: [path] })).rejects.toThrow(
      'data.types: got {"3":"DOUBLE"} for libsvm, whose columns have types of their own, expected none',
    );
  });
});
