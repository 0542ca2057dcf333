import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { FormatError } from "../../../format/errors.ts";
import type { Dataset } from "../../../trainer/data/dataset.ts";
import { Random } from "../../../trainer/data/random.ts";
import { startBackend } from "../../../trainer/engine/backend.ts";
import { type NamedTensor, readSafetensors, writeSafetensors } from "../../../trainer/io/safetensors.ts";
import type { TrainedModel } from "../../../trainer/model/trained-model.ts";
import { loadRun, saveRun } from "../../../trainer/training/run-folder.ts";
import { WASM } from "../running-engine.ts";
import { fittedOf, randomDataset, randomLearner, tinySpec, tinyVocabulary } from "../tiny.ts";

// F = 3 fields, of which `user` is the context's; V = 3 · (1 + 6) rows; k = 4; hidden layers of 8 and 5 units.
const FIELDS = 3;
const PER_FIELD = 6;
const V = FIELDS * (1 + PER_FIELD);

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-run-folder-"));
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(async () => {
  await startBackend("wasm");
});

function trainedModel(model: object, training: object = {}): TrainedModel & { dataset: Dataset } {
  const random = new Random(3);
  const spec = tinySpec({ embeddingDim: 4, hidden: [8, 5], ...model }, training);
  const vocabulary = tinyVocabulary(FIELDS, PER_FIELD, random);
  const learner = randomLearner(spec, vocabulary, random);
  const { dataset } = randomDataset(40, FIELDS, vocabulary.size, random);
  return { spec, fitted: fittedOf(spec), vocabulary, learner, dataset };
}

/** Saves a model, and returns the path of its run and that of its tensors. */
function save(model: TrainedModel): { run: string; path: string } {
  const run = mkdtempSync(join(folder, "run-"));
  const valid = { epoch: 1, learningRate: 0.1, loss: 1, auc: 0.5, logloss: 0.7, seconds: 1 };
  saveRun(run, { ...model, engine: WASM, valid }, { paths: ["valid.csv"] });
  return { run, path: join(run, "model.safetensors") };
}

/** Changes the tensors of a saved run. */
function change(path: string, edit: (tensors: Record<string, NamedTensor>) => void): void {
  const { tensors, metadata } = readSafetensors(path);
  edit(tensors);
  writeSafetensors(path, tensors, metadata);
}

const rows = (D: number): Record<string, number[]> => ({
  "rows.keys": [V, 2],
  "rows.fields": [V],
  "rows.counts": [V],
  "rows.values": [V, D + 1],
  bias: [1],
});
const hidden = (name: string, shape: [number, number], batchNorm = false): Record<string, number[]> => ({
  [`${name}.weights`]: shape,
  [`${name}.bias`]: [shape[1]],
  ...(batchNorm && { [`${name}.gamma`]: [shape[1]], [`${name}.mean`]: [shape[1]], [`${name}.variance`]: [shape[1]] }),
});

const LAYOUTS: { name: string; model: object; shapes: Record<string, number[]> }[] = [
  { name: "LR", model: { type: "LR" }, shapes: rows(0) },
  { name: "FM", model: { type: "FM" }, shapes: rows(4) },
  {
    name: "DeepFM",
    model: { type: "DeepFM" },
    shapes: { ...rows(4), ...hidden("mlp.0", [12, 8]), ...hidden("mlp.1", [8, 5]), "mlp.output.weights": [5, 1] },
  },
  {
    name: "DeepFM with BatchNorm",
    model: { type: "DeepFM", batchNorm: true },
    shapes: {
      ...rows(4),
      ...hidden("mlp.0", [12, 8], true),
      ...hidden("mlp.1", [8, 5], true),
      "mlp.output.weights": [5, 1],
    },
  },
  {
    name: "FM & DNN, with two embeddings a row",
    model: { type: "FM & DNN" },
    shapes: { ...rows(8), ...hidden("mlp.0", [12, 8]), ...hidden("mlp.1", [8, 5]), "mlp.output.weights": [5, 1] },
  },
  {
    name: "PNN*, with 3 inner and 10 outer products",
    model: { type: "PNN*" },
    shapes: { ...rows(4), ...hidden("mlp.0", [25, 8]), ...hidden("mlp.1", [8, 5]), "mlp.output.weights": [5, 1] },
  },
  {
    name: "two-tower",
    model: { type: "two-tower", batchNorm: true },
    shapes: {
      ...rows(4),
      ...hidden("context.0", [4, 8], true),
      ...hidden("context.1", [8, 5], true),
      ...hidden("context.output", [5, 4]),
      ...hidden("item.0", [8, 8], true),
      ...hidden("item.1", [8, 5], true),
      ...hidden("item.output", [5, 4]),
    },
  },
];

describe.each(LAYOUTS)("a run of $name", ({ model, shapes }) => {
  it("holds each weight as a tensor of its own, with its shape", () => {
    const { path } = save(trainedModel(model));
    const { tensors } = readSafetensors(path);
    expect(Object.fromEntries(Object.entries(tensors).map(([name, { shape }]) => [name, shape]))).toEqual(shapes);
  });

  it("predicts the same bits when it is loaded", () => {
    const trained = trainedModel(model);
    const loaded = loadRun(save(trained).run);
    expect(loaded.learner.weights()).toEqual(trained.learner.weights());
    expect(loaded.learner.predict(trained.dataset)).toEqual(trained.learner.predict(trained.dataset));
    expect(loaded.vocabulary.keys).toEqual(trained.vocabulary.keys);
  });
});

it("each name has the values of the parameter of that name", () => {
  const trained = trainedModel({ batchNorm: true });
  const { parameters, runningStats } = trained.learner.model;
  const { path } = save(trained);
  const { tensors } = readSafetensors(path);
  for (const name of parameters.shapes.keys()) expect(tensors[name].data).toEqual(parameters.view(name));
  for (const name of runningStats.shapes.keys()) expect(tensors[name].data).toEqual(runningStats.view(name));
  expect(tensors["rows.values"].data).toEqual(trained.learner.tables.values);
});

describe("the validation log of a run", () => {
  let place = "";
  beforeEach(() => {
    place = mkdtempSync(join(folder, "place-"));
  });
  const at = (...names: string[]): string => join(place, ...names);
  const log = (...names: string[]): string => relative(process.cwd(), at(...names));
  const saveWith = (paths: string[]): void => {
    const valid = { epoch: 1, learningRate: 0.1, loss: 1, auc: 0.5, logloss: 0.7, seconds: 1 };
    saveRun(at("a", "run"), { ...trainedModel({ type: "LR" }), engine: WASM, valid }, { paths, part: "valid" });
  };

  /** Saves a run that was moved, and whose log has an absolute path. */
  const saveMoved = (): void => {
    mkdirSync(at("b"));
    writeFileSync(at("b", "x.csv"), "label\n1\n");
    saveWith([at("b", "x.csv")]);
    renameSync(at("a", "run"), at("moved"));
  };

  it("is found from wherever the run is used, also where both were moved, and by a glob", () => {
    mkdirSync(at("a"), { recursive: true });
    for (const name of ["x.csv", "y.csv"]) writeFileSync(at("a", name), "label\n1\n");
    saveWith([log("a", "x.csv"), log("a", "?.csv")]);
    expect(loadRun(at("a", "run")).findValidLog()).toEqual({
      paths: [log("a", "x.csv"), log("a", "?.csv")],
      part: "valid",
    });
    renameSync(at("a"), at("b"));
    expect(loadRun(at("b", "run")).findValidLog().paths).toEqual([log("b", "x.csv"), log("b", "?.csv")]);
  });

  it("that is gone is named, with what to do", () => {
    mkdirSync(at("a"));
    writeFileSync(at("a", "x.csv"), "label\n1\n");
    saveWith([log("a", "x.csv")]);
    renameSync(at("a", "run"), at("run"));
    rmSync(at("a"), { recursive: true });
    const run = loadRun(at("run"));
    expect(() => run.findValidLog()).toThrow(
      `${log("x.csv")}: no such file; the run ${at("run")} expects its validation log there: say where it is now with ` +
        "--records and --calibrate",
    );
  });

  it("with an absolute path stays where it is", () => {
    saveMoved();
    expect(loadRun(at("moved")).findValidLog().paths).toEqual([at("b", "x.csv")]);
  });

  it("does not depend on run.json, which may be of a training that goes on", () => {
    saveMoved();
    writeFileSync(at("moved", "run.json"), "{");
    expect(loadRun(at("moved")).record.backend).toBe("wasm");
  });

  it("of a run of an earlier version is in run.json, whose problems are one line", () => {
    saveMoved();
    const path = at("moved", "model.safetensors");
    const { tensors, metadata } = readSafetensors(path);
    const { run: _, ...older } = metadata;
    writeSafetensors(path, tensors, older);
    const json = at("moved", "run.json");
    writeFileSync(json, "{");
    expect(() => loadRun(at("moved"))).toThrow(
      `${json}: not JSON: got the end of the text at line 1, column 2, expected a key in quotes or }`,
    );
    writeFileSync(json, JSON.stringify({ backend: "abacus", validLog: { paths: [] } }));
    expect(() => loadRun(at("moved"))).toThrow(/run\.json: backend: got "abacus", expected/);
    writeFileSync(json, JSON.stringify({ backend: "cpu", versions: {}, validLog: { paths: [log("b", "x.csv")] } }));
    expect(loadRun(at("moved")).findValidLog().paths).toEqual([log("b", "x.csv")]);
    rmSync(json);
    expect(() => loadRun(at("moved"))).toThrow(`${json}: no such file`);
  });
});

describe("a run is refused", () => {
  function problem(edit: (tensors: Record<string, NamedTensor>) => void): string {
    const { run, path } = save(trainedModel({ batchNorm: true }));
    change(path, edit);
    try {
      loadRun(run);
    } catch (error) {
      expect(error).toBeInstanceOf(FormatError);
      return String(error).replace(`FormatError: ${path}: `, "");
    }
    return "";
  }

  it.each([
    ["mlp.0.weights", "F32 [12, 8]"],
    ["mlp.1.gamma", "F32 [5]"],
    ["mlp.0.variance", "F32 [8]"],
    ["bias", "F32 [1]"],
    ["rows.values", "F32 [21, 5]"],
    ["rows.keys", "U32 [21, 2]"],
    ["rows.counts", "U32 [V]"],
  ])("without %s", (name, expected) => {
    expect(
      problem((tensors) => {
        delete tensors[name];
      }),
    ).toBe(`${name}: got nothing, expected ${expected}`);
  });

  it("with a tensor of another shape, even of as many numbers", () => {
    const turned = problem((tensors) => {
      tensors["mlp.0.weights"].shape = [8, 12];
    });
    expect(turned).toBe("mlp.0.weights: got F32 [8, 12], expected F32 [12, 8]");
    const wide = problem((tensors) => {
      tensors["rows.values"] = { shape: [V, 6], data: new Float32Array(V * 6) };
    });
    expect(wide).toBe("rows.values: got F32 [21, 6], expected F32 [21, 5]");
  });

  it("with a tensor of another type", () => {
    expect(
      problem((tensors) => {
        tensors["mlp.1.bias"].data = new Uint32Array(5);
      }),
    ).toBe("mlp.1.bias: got U32 [5], expected F32 [5]");
  });

  it("with rows of other fields than it has, or without each field's own", () => {
    const withFields = (edit: (fields: Uint16Array) => void): string =>
      problem((tensors) => edit(tensors["rows.fields"].data as Uint16Array));
    expect(withFields((fields) => fields.fill(3, V - 1))).toBe(
      `rows.fields: got the field 3 of row ${V - 1}, expected one of 0 to 2`,
    );
    expect(withFields((fields) => fields.fill(0, 1, 2))).toBe(
      "rows.fields: got the field 0 of row 1, expected 1, as of its OOV row",
    );
    const few = problem((tensors) => {
      for (const [name, tensor] of Object.entries(tensors).filter(([key]) => key.startsWith("rows."))) {
        const width = tensor.shape[1] ?? 1;
        tensors[name] = { shape: [2, ...tensor.shape.slice(1)], data: tensor.data.slice(0, 2 * width) };
      }
    });
    expect(few).toBe("rows.fields: got 2 rows, expected at least one for each of 3 fields");
  });

  it("with two rows of one key", () => {
    const twice = problem((tensors) => void tensors["rows.keys"].data.copyWithin(2 * (V - 1), 2 * (V - 2)));
    expect(twice).toMatch(/^rows\.keys: got the row key [0-9a-f]{16} twice, for row/);
  });

  it("with the encoding of other fields than its spec's, or a validation log of no file", () => {
    const { run, path } = save(trainedModel({}));
    const { tensors, metadata } = readSafetensors(path);
    const write = (name: string, edit: (read: Record<string, unknown>) => void): void => {
      const read = JSON.parse(metadata[name] ?? "");
      edit(read);
      writeSafetensors(path, tensors, { ...metadata, [name]: JSON.stringify(read) });
    };
    write("fitted", (fitted) => (fitted.fields as unknown[]).reverse());
    expect(() => loadRun(run)).toThrow(/model\.safetensors: fitted: fields: got .+, expected .+ as in spec/);
    write("run", (of) => Object.assign(of, { validLog: { paths: [] } }));
    expect(() => loadRun(run)).toThrow("model.safetensors: run: validLog.paths: got length 0, expected >=1");
  });

  it("where all dense weights are in one tensor, as they once were", () => {
    const old = problem((tensors) => {
      const { dense } = trainedModel({ batchNorm: true }).learner.weights();
      for (const name of Object.keys(tensors)) if (!name.startsWith("rows.")) delete tensors[name];
      tensors.dense = { shape: [dense.length], data: dense };
    });
    expect(old).toBe(
      "dense: got all dense weights in one tensor, as earlier versions saved them, expected each under its own name: " +
        "train again",
    );
  });
});
