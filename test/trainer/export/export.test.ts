import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { TYPE_I8 } from "../../../format/constants.ts";
import { FormatError } from "../../../format/errors.ts";
import { Page } from "../../../format/page.ts";
import { readBlob } from "../../../format/read-blob.ts";
import { rowStride } from "../../../format/row.ts";
import { verifyBlob } from "../../../format/seal.ts";
import { writeBlob } from "../../../format/write-blob.ts";
import { checkGolden } from "../../../runtime/golden.ts";
import { kernelModule } from "../../../runtime/node.ts";
import { placeBlob } from "../../../runtime/placed-blob.ts";
import { Scorer } from "../../../runtime/scorer.ts";
import { Random } from "../../../trainer/data/random.ts";
import { startBackend } from "../../../trainer/engine/backend.ts";
import { exportModel, loadExport, openExport, saveExport } from "../../../trainer/export/export.ts";
import { hottestPages } from "../../../trainer/export/hot-pages.ts";
import { splitRows } from "../../../trainer/export/rows.ts";
import { sealExport } from "../../../trainer/export/seal.ts";
import { loadRun, saveRun } from "../../../trainer/training/run-folder.ts";
import { TEST_BACKEND } from "../backend.ts";
import { WASM } from "../running-engine.ts";
import { fittedOf, randomDataset, randomLearner, tinySpec, tinyVocabulary } from "../tiny.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-export-"));
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(async () => {
  await startBackend(TEST_BACKEND);
});

const FIELDS = 3;

function trainedModel(rows: object, stores: string[] = ["auto", "auto", "auto"], seed = 1) {
  const random = new Random(seed);
  const base = tinySpec({ embeddingDim: 6, hidden: [10] });
  const spec = {
    ...base,
    rows: { ...base.rows, ...rows },
    fields: base.fields.map((field, f) => ({ ...field, store: stores[f] })) as typeof base.fields,
  };
  const vocabulary = tinyVocabulary(FIELDS, 200, random);
  vocabulary.counts.forEach((_, row) => {
    vocabulary.counts[row] = random.integer(1000);
  });
  const learner = randomLearner(spec, vocabulary, random);
  const { dataset } = randomDataset(100, FIELDS, vocabulary.size, random);
  return { spec, fitted: fittedOf(spec), vocabulary, learner, dataset };
}

describe("splitRows", () => {
  const split = (blobBytes: number, stores?: string[]) => {
    const model = trainedModel({ blobBytes }, stores);
    return { ...model, ...splitRows(model.spec, model.vocabulary, rowStride(TYPE_I8, 6)) };
  };

  it("puts the most used rows into the blob, as many as the budget holds", () => {
    const { hot, cold, vocabulary } = split(24 * 50); // a row of k 6 and its key take 24 bytes
    expect(hot).toHaveLength(50);
    expect(hot.length + cold.length).toBe(FIELDS * 200);
    const least = Math.min(...hot.map((row) => vocabulary.counts[row]));
    expect(cold.every((row) => vocabulary.counts[row] <= least)).toBe(true);
  });

  it("follows a field's own store", () => {
    const { hot, cold, vocabulary } = split(0, ["blob", "kv", "auto"]);
    expect(hot.every((row) => vocabulary.fieldOf[row] === 0)).toBe(true);
    expect(hot).toHaveLength(200);
    expect(cold).toHaveLength(400);
  });
});

describe("exportModel", () => {
  it("refuses a model of before row keys had a secret, and predicts with it all the same", async () => {
    const { fitted, ...model } = trainedModel({});
    const { hashKey: _, ...old } = fitted;
    await expect(exportModel({ ...model, fitted: old }, "int8", model.dataset)).rejects.toThrow(
      "tiny: fitted.hashKey: missing, as trainings before format 6 of the blob hashed row keys without one: train again",
    );
    expect(model.learner.predict(model.dataset)).toHaveLength(100);
  });

  it("puts every row into exactly one place, under its key, within the page size", async () => {
    const model = trainedModel({ blobBytes: 24 * 50, pageBytes: 1024 });
    const { blob, pages } = await exportModel(model, "f32", model.dataset);
    const read = readBlob(blob);
    expect(read.keys).toHaveLength(2 * Math.floor((24 * 50) / 36)); // an f32 row of k 6 and its key take 36 bytes
    const opened = pages.map(
      ({ bytes }, i) => new Page(bytes, { rowType: 0, embeddingDim: 6, pageCount: pages.length }, i),
    );
    expect(Math.max(...pages.map(({ bytes }) => bytes.length))).toBeLessThanOrEqual(1024);
    const hotKeys = new Set(
      Array.from({ length: read.keys.length / 2 }, (_, i) => `${read.keys[2 * i]},${read.keys[2 * i + 1]}`),
    );
    for (let row = FIELDS; row < model.vocabulary.size; row++) {
      const [lo, hi] = [model.vocabulary.keys[2 * row], model.vocabulary.keys[2 * row + 1]];
      const found = opened.map((page) => page.row(lo, hi)).filter((bytes) => bytes !== null);
      expect(found.length + (hotKeys.has(`${lo},${hi}`) ? 1 : 0)).toBe(1);
      const [bytes] = found;
      if (bytes)
        expect(new Float32Array(bytes.slice().buffer)).toEqual(model.learner.tables.values.slice(row * 7, row * 7 + 7));
    }
  });

  it("marks the fields that have rows in pages, and only those", async () => {
    const model = trainedModel({ blobBytes: 0 }, ["blob", "kv", "blob"]);
    const { blob } = await exportModel(model, "int8", model.dataset);
    expect(readBlob(blob).spec.fields.map(({ kv }) => kv)).toEqual([false, true, false]);
  });

  it("lists the pages whose rows training touched most, the hottest first", async () => {
    const model = trainedModel({ blobBytes: 0, pageBytes: 1024 });
    const { blob, pages } = await exportModel(model, "int8", model.dataset);
    const { vocabulary } = model;
    const touched = pages.map(({ bytes }, i) => {
      const page = new Page(bytes, { rowType: TYPE_I8, embeddingDim: 6, pageCount: pages.length }, i);
      let sum = 0;
      for (let row = FIELDS; row < vocabulary.size; row++)
        if (page.row(vocabulary.keys[2 * row], vocabulary.keys[2 * row + 1])) sum += vocabulary.counts[row];
      return sum;
    });
    const hottest = readBlob(blob).hotPages ?? [];
    expect(pages.length).toBeGreaterThan(5);
    expect(hottest).toHaveLength(pages.length);
    expect(hottest.map((page) => touched[page])).toEqual(touched.toSorted((a, b) => b - a));
  });

  it("lists at most 100 of them, and none that training never touched", () => {
    const { vocabulary } = trainedModel({});
    const rows = Array.from({ length: vocabulary.size - FIELDS }, (_, i) => i + FIELDS);
    expect(hottestPages(rows, vocabulary, 1000)).toHaveLength(100);
    vocabulary.counts.fill(0);
    expect(hottestPages(rows, vocabulary, 4)).toEqual([]);
    expect(hottestPages([], vocabulary, 0)).toEqual([]);
  });

  it("gives the same bytes for the same model", async () => {
    const [a, b] = await Promise.all([1, 2].map(() => exportModel(trainedModel({}), "int8", trainedModel({}).dataset)));
    expect(a?.blob).toEqual(b?.blob);
  });

  it("refuses weights that are not finite, and writes nothing", async () => {
    const model = trainedModel({});
    model.learner.model.parameters.view("mlp.output.weights")[0] = Number.NaN;
    await expect(exportModel(model, "f32", model.dataset)).rejects.toThrow(FormatError);
  });
});

describe("sealExport", () => {
  const records = [
    { user: "u1", item: "i2", tags: ["a", "b"] },
    { user: "never seen", item: null },
    { user: "u3", item: "i4", tags: [] },
  ];

  it("puts in the evidence, and records with the logits that every build of the kernel gives them", async () => {
    const model = trainedModel({});
    const draft = await exportModel(model, "int8", model.dataset);
    const { version, blob } = await sealExport(draft, { provenance: { seed: 1 } }, records);
    const { evidence, golden } = readBlob(blob);
    expect(evidence).toEqual({ provenance: { seed: 1 } });
    expect(golden.records.map(({ record }) => record)).toEqual(records);
    for (const variant of ["relaxed", "simd", "scalar"] as const)
      expect(() => checkGolden(new Scorer(placeBlob(kernelModule(variant), blob)))).not.toThrow();
    expect(await verifyBlob(blob)).toBe(version);
  });

  it("gives a blob that a server refuses whose weights are not those of its golden records", async () => {
    const model = trainedModel({});
    const { golden } = readBlob((await sealExport(await exportModel(model, "int8", model.dataset), {}, records)).blob);
    const other = { ...(await exportModel(model, "int8", model.dataset)).model, bias: 0.75, golden };
    expect(() => checkGolden(new Scorer(placeBlob(kernelModule(), writeBlob(other))))).toThrow(
      /blob: section GOLDEN: records\[0\]: got the logit \S+, expected \S+ within 0.001/,
    );
  });
});

describe("an export's folder", () => {
  it("comes back as it was, and holds nothing of the export before it", async () => {
    const place = join(folder, "export");
    const first = trainedModel({ blobBytes: 0, pageBytes: 1024 });
    saveExport(place, await sealExport(await exportModel(first, "int8", first.dataset), {}, []));
    const second = trainedModel({ blobBytes: 0, pageBytes: 2048 }, undefined, 2);
    const exported = await sealExport(await exportModel(second, "int8", second.dataset), {}, []);
    saveExport(place, exported);
    const { model, version, blob, pages } = await loadExport(place);
    expect({ model, version, blob, pages }).toEqual(exported);
    expect(readdirSync(join(place, "pages"))).toHaveLength(pages.length);
    expect(readdirSync(place).filter((file) => file.endsWith(".blob"))).toEqual([`${version}.blob`]);
  });

  it("has a manifest with the model's name and version; an old one, with the version alone, is read too", async () => {
    const place = join(folder, "manifest");
    const run = trainedModel({});
    const { model, version } = await sealExport(await exportModel(run, "int8", run.dataset), {}, []);
    saveExport(place, await sealExport(await exportModel(run, "int8", run.dataset), {}, []));
    const path = join(place, "export.json");
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({ model, version, pages: [] });
    writeFileSync(path, JSON.stringify({ model: version, pages: [] }));
    expect(await loadExport(place)).toMatchObject({ model, version });
    writeFileSync(path, JSON.stringify({ model: "other", version, pages: [] }));
    await expect(loadExport(place)).rejects.toThrow(`got the model "other", expected "${model}" as in its blob`);
  });

  it("is refused where its manifest names other pages than its blob, or in another order", async () => {
    const place = join(folder, "fewer");
    const model = trainedModel({ blobBytes: 0, pageBytes: 1024 });
    saveExport(place, await sealExport(await exportModel(model, "f32", model.dataset), {}, []));
    const path = join(place, "export.json");
    const manifest = JSON.parse(readFileSync(path, "utf8"));
    const { length } = manifest.pages;
    expect(length).toBeGreaterThan(1);
    for (const pages of [
      manifest.pages.slice(1),
      manifest.pages.toReversed(),
      [...manifest.pages, manifest.pages[0]],
    ]) {
      writeFileSync(path, JSON.stringify({ ...manifest, pages }));
      await expect(openExport(place)).rejects.toThrow(
        `${path}: got other pages (${pages.length}) than its blob names (${length}), expected the same in the same order`,
      );
    }
  });

  it("is refused where a file is not what its name says", async () => {
    const place = join(folder, "broken");
    const model = trainedModel({ blobBytes: 0 });
    const exported = await sealExport(await exportModel(model, "int8", model.dataset), {}, []);
    saveExport(place, exported);
    const page = join(place, "pages", readdirSync(join(place, "pages"))[0]);
    const bytes = readFileSync(page);
    bytes[40] = bytes[40] ^ 1;
    writeFileSync(page, bytes);
    await expect(loadExport(place)).rejects.toThrow(
      /\.page: got the name [0-9a-f]{32} from its bytes, expected [0-9a-f]{32}/,
    );
    await expect(loadExport(join(folder, "absent"))).rejects.toThrow(
      /no such file; expected the folder that `export` wrote/,
    );
  });
});

describe("a run's folder", () => {
  const model = trainedModel({});
  beforeEach(() => {
    const epoch = { epoch: 1, learningRate: 0.1, loss: 1, auc: 0.5, logloss: 0.7, seconds: 1 };
    saveRun(join(folder, "run"), { ...model, engine: WASM, valid: epoch }, { paths: ["valid.csv"] });
  });

  it("gives back a model that predicts the same", () => {
    const loaded = loadRun(join(folder, "run"));
    expect(loaded.learner.predict(model.dataset)).toEqual(model.learner.predict(model.dataset));
    expect(loaded.fitted).toEqual(model.fitted);
    expect(() => loaded.findValidLog()).toThrow(
      /^valid\.csv: no such file; the run .*run expects its validation log there/,
    );
  });

  it("is refused where the model is cut short or absent", () => {
    const path = join(folder, "run", "model.safetensors");
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.subarray(0, bytes.length - 10));
    expect(() => loadRun(join(folder, "run"))).toThrow(/model\.safetensors: \w+.*: got bytes/);
    expect(() => loadRun(join(folder, "nowhere"))).toThrow(
      /model\.safetensors: no such file; expected the folder that `train` wrote/,
    );
    expect(existsSync(join(folder, "nowhere"))).toBe(false);
  });
});
