// Every kind of file that one run writes and another reads: flipping any byte of it is an error that names the file, or
// changes nothing.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { afterAll, describe, expect, it, vi } from "vitest";
import { toHex } from "../../../format/hash.ts";
import { pageDigest } from "../../../format/page.ts";
import { verifyBlob } from "../../../format/seal.ts";
import { generateKeys, readSigningKey } from "../../../format/signature.ts";
import { ResultStore } from "../../../lab/sweeps/result-store.ts";
import { TrialLog } from "../../../lab/tune/trial-log.ts";
import { cached } from "../../../trainer/data/cache.ts";
import type { HeldOutLog } from "../../../trainer/data/held-out-log.ts";
import { Random } from "../../../trainer/data/random.ts";
import { RECORDS_FILE, recordFile } from "../../../trainer/data/record-file.ts";
import { shardLayout } from "../../../trainer/data/shard-layout.ts";
import { ShardWriter } from "../../../trainer/data/shard-writer.ts";
import { type HeldOutSource, heldOutSource, type TrainingSource } from "../../../trainer/data/source.ts";
import { loadVocabulary, saveVocabulary } from "../../../trainer/data/vocabulary-file.ts";
import { loadExport, saveExport } from "../../../trainer/export/export.ts";
import { loadProfile, saveProfile } from "../../../trainer/profile/saved-profile.ts";
import { Checkpoints } from "../../../trainer/training/checkpoint.ts";
import { Training } from "../../../trainer/training/epochs.ts";
import { loadRun, saveRun } from "../../../trainer/training/run-folder.ts";
import { WASM } from "../running-engine.ts";
import { fittedOf, randomLearner, tinySpec, tinyVocabulary } from "../tiny.ts";

// Says a warning each time, where a process says it once.
vi.mock("../../../trainer/terminal/warning.ts", () => ({ warn: (text: string) => void process.stderr.write(text) }));

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-damage-"));
afterAll(() => rmSync(folder, { recursive: true }));

const spec = tinySpec({ type: "DeepFM", embeddingDim: 2, hidden: [4] });
const fitted = fittedOf(spec);
const vocabulary = tinyVocabulary(3, 6, new Random(1));
const EPOCH = { epoch: 1, learningRate: 0.1, loss: 1, auc: 0.5, logloss: 0.7, seconds: 1 };

/** A kind of file: `read` gives all that is read of it, and what is not to be found in the file any more. */
interface Kind {
  path: string;
  read: () => Promise<unknown>;
}

/** A cache entry with two shards of records. A damaged one is made again: then `read` throws what is said of it. */
async function cacheEntry(): Promise<Kind[]> {
  const cache = join(folder, "cache");
  const layout = shardLayout(fitted.fields, false);
  let builds = 0;
  const build = async (made: string) => {
    if (builds++ > 0) throw new Error("made again");
    saveVocabulary(join(made, "vocabulary.safetensors"), vocabulary);
    await using writer = await ShardWriter.create(join(made, RECORDS_FILE));
    const many = layout.single.filter((single) => !single).length;
    for (const records of [5, 3]) {
      const words = Uint32Array.from({ length: 3 * records }, (_, i) => i % vocabulary.size);
      const [labels, counts] = [new Uint8Array(records).fill(1), new Uint16Array(records * many).fill(1)];
      await writer.write({ records, labels, weights: null, counts, words, values: new Float32Array(0) }, words.length);
    }
    await writer.finish();
    const labels = { negatives: { records: 0, weight: 0 }, positives: { records: 8, weight: 8 } };
    return { records: 8, labels, shards: writer.places, warnings: ["a warning"], fitted };
  };
  const open = (): Promise<{ meta: unknown; keys: Uint32Array; source: HeldOutSource }> =>
    cached(cache, "key", [], build, (entry) => ({
      meta: entry.meta,
      keys: loadVocabulary(join(entry.folder, "vocabulary.safetensors"), 3).keys,
      source: heldOutSource(recordFile(entry, fitted, false), 1),
    }));
  const read = async (): Promise<unknown> => {
    const said = vi.spyOn(process.stderr, "write").mockImplementation(() => true);
    try {
      const { meta, keys, source } = await open();
      const chunks: unknown[] = [];
      for await (const chunk of source.chunks()) chunks.push(chunk);
      return { meta, keys, chunks };
    } catch (error) {
      throw (error as Error).message === "made again" ? new Error(said.mock.calls.flat().join("")) : error;
    } finally {
      said.mockRestore();
    }
  };
  await read();
  const [entry = ""] = readdirSync(cache);
  return ["meta.json", RECORDS_FILE, "vocabulary.safetensors"].map((name) => ({
    path: join(cache, entry, name),
    read,
  }));
}

function run(): Kind[] {
  const out = join(folder, "run");
  const learner = randomLearner(spec, vocabulary, new Random(2));
  saveRun(out, { spec, fitted, vocabulary, learner, engine: WASM, valid: EPOCH }, { paths: ["valid.csv"] });
  const read = async (): Promise<unknown> => {
    const loaded = loadRun(out);
    const { keys, counts } = loaded.vocabulary;
    const { record } = loaded;
    return { weights: loaded.learner.weights(), keys, counts, spec: loaded.spec, fitted: loaded.fitted, record };
  };
  return ["model.safetensors", "run.json"].map((name) => ({ path: join(out, name), read }));
}

function checkpoint(): Kind[] {
  // A checkpoint is saved and restored without a step: no record is read.
  const none = { count: 8, fields: 3 } as unknown as TrainingSource & HeldOutLog;
  const logs = { train: none, valid: none };
  const checkpoints = new Checkpoints(join(folder, "checkpoint"), WASM, spec, vocabulary, logs);
  const training = (seed: number): Training =>
    new Training(randomLearner(spec, vocabulary, new Random(seed)), spec, none, none);
  const saved = training(3);
  saved.position.epochs = [EPOCH];
  saved.bestWeights = saved.learner.weights();
  checkpoints.save("training", saved);
  const read = async (): Promise<unknown> => {
    const restored = training(4);
    checkpoints.restore(restored);
    const { position, bestWeights, learner } = restored;
    return { position, bestWeights, state: learner.state(), stage: checkpoints.stage() };
  };
  return [{ path: checkpoints.path, read }];
}

async function exported(): Promise<Kind[]> {
  const out = join(folder, "export");
  const golden = (name: string): Uint8Array => new Uint8Array(readFileSync(`test/golden/${name}.bin`));
  const [blob, page] = [golden("tiny.blob"), golden("tiny.page")];
  const digest = await pageDigest(page);
  const version = await verifyBlob(blob);
  saveExport(out, { model: "tiny", version, blob, pages: [{ digest, bytes: page }] });
  const names = ["export.json", `${version}.blob`, join("pages", `${toHex(digest)}.page`)];
  return names.map((name) => ({ path: join(out, name), read: () => loadExport(out) }));
}

function results(): Kind[] {
  const log = join(folder, "log.csv");
  writeFileSync(log, "label,user\n1,a\n");
  const part = { paths: [log] };
  const out = join(folder, "results");
  const store = new ResultStore(out, { train: part, valid: part, test: null }, WASM);
  const metrics = { auc: 0.71, logloss: 0.52 };
  store.put("LR", spec, {
    valid: metrics,
    test: metrics,
    parameters: 7,
    epochs: 3,
    pretrainingEpochs: 0,
    seconds: 1.5,
  });
  const [name = ""] = readdirSync(out);
  return [{ path: join(out, name), read: async () => store.get("LR", spec) }];
}

function profile(): Kind[] {
  const out = join(folder, "profile");
  const field = { name: "site", type: "categorical", side: "context", encoding: "vocabulary" } as const;
  const counts = { records: 9, looked: 9, missing: 0.25, distinct: 3, singles: 1, rows: 4, unseen: null };
  saveProfile(out, [{ ...field, ...counts, top: [{ text: "a", count: 5 }], warnings: ["has ids"] }]);
  return [{ path: join(out, "profile.json"), read: async () => loadProfile(out) }];
}

function trials(): Kind[] {
  const path = join(folder, "trials.jsonl");
  const log = new TrialLog(path);
  const settings = { "training.learningRate": 0.01 };
  for (const trial of [1, 2])
    log.add({
      key: `k${trial}`,
      trial,
      budget: 2,
      settings,
      valid: { auc: 0.7, logloss: null },
      epochs: 2,
      seconds: 1,
    });
  const read = async (): Promise<unknown> => {
    const said = vi.spyOn(process.stderr, "write").mockImplementation(() => true);
    try {
      const opened = new TrialLog(path);
      // A trial whose line is cut short is said and trained again.
      if (said.mock.calls.length > 0) throw new Error(said.mock.calls.flat().join(""));
      return [opened.get("k1"), opened.get("k2")];
    } finally {
      said.mockRestore();
    }
  };
  return [{ path, read }];
}

async function signingKey(): Promise<Kind[]> {
  const path = join(folder, "key.pem");
  writeFileSync(path, (await generateKeys()).privateKey);
  const read = async (): Promise<unknown> => (await readSigningKey(readFileSync(path, "utf8"), path)).id;
  return [{ path, read }];
}

const kinds = [
  ...(await cacheEntry()),
  ...run(),
  ...checkpoint(),
  ...(await exported()),
  ...profile(),
  ...results(),
  ...trials(),
  ...(await signingKey()),
];

describe.each(kinds.map((kind) => ({ ...kind, name: basename(kind.path).replace(/[0-9a-f]{12,}/, "…") })))(
  "$name",
  ({ path, read }) => {
    it("with any one byte flipped is refused by name, or read as it was written", async () => {
      const bytes = readFileSync(path);
      const whole = await read();
      const random = new Random(7);
      for (let i = 0; i < 100; i++) {
        const damaged = Buffer.from(bytes);
        const at = random.integer(bytes.length);
        damaged[at] = (damaged[at] ?? 0) ^ (1 + random.integer(255));
        writeFileSync(path, damaged);
        let got: unknown;
        let problem = "";
        try {
          got = await read();
        } catch (error) {
          problem = String(error);
        }
        // An entry or a file that was moved away or written anew.
        writeFileSync(path, bytes);
        if (problem !== "") expect(problem, `byte ${at}`).toContain(basename(path));
        else expect(isDeepStrictEqual(got, whole), `byte ${at}`).toBe(true);
        expect(problem, `byte ${at}`).not.toMatch(/TypeError|RangeError|SyntaxError/);
      }
    });
  },
);
