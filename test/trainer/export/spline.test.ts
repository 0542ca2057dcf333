// Splines on both sides, in every model: what the kernel scores is what the trainer predicts.
import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseWith } from "../../../format/parse.ts";
import { FeatureSpecSchema, MODEL_TYPES } from "../../../format/spec.ts";
import { kernelModule } from "../../../runtime/node.ts";
import { placeBlob } from "../../../runtime/placed-blob.ts";
import { Scorer } from "../../../runtime/scorer.ts";
import { withFixedDefaults } from "../../../trainer/data/default-settings.ts";
import { openHeldOutLog } from "../../../trainer/data/held-out-log.ts";
import { openPart } from "../../../trainer/data/logs.ts";
import { Random } from "../../../trainer/data/random.ts";
import { openTrainingLog } from "../../../trainer/data/training-log.ts";
import { startBackend } from "../../../trainer/engine/backend.ts";
import { exportModel } from "../../../trainer/export/export.ts";
import { addCatalogue, openCatalogue } from "../../../trainer/export/items.ts";
import { measureParity } from "../../../trainer/export/parity.ts";
import { TEST_BACKEND } from "../backend.ts";
import { randomLearner } from "../tiny.ts";
import { tinyLog, tinyRunSpec } from "../tiny-run.ts";

const { folder, logs } = await tinyLog();
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(async () => {
  await startBackend(TEST_BACKEND);
});

/** `price` of the item is a spline, and so are `hour` and `age` of the context. */
function specOf(type: string) {
  const { fields, ...spec } = tinyRunSpec({ type });
  const numbers = ["hour", "age"].map((name) => ({ name, type: "numeric", encoding: { kind: "spline", knots: 6 } }));
  const price = { name: "price", type: "numeric", side: "item" };
  const item = { name: "item", type: "categorical", side: "item" };
  const input = { ...spec, fields: [...fields.slice(0, -1), price, ...numbers, item] };
  return withFixedDefaults(parseWith(FeatureSpecSchema, input, type));
}

const CONTEXTS = [{ country: "de", hour: 3.5, age: 33 }, { hour: "22", age: 1e12 }, { age: -5 }, {}];
const ITEMS = [{ item: "i1", category: "c1", price: 9.5 }, { item: "i2", price: 0.001 }, { item: "new" }];

describe.each(MODEL_TYPES)("%s", (type) => {
  it("scores, ranks and has a catalogue as the trainer predicts", async () => {
    const spec = specOf(type);
    const { fitted, vocabulary } = await openTrainingLog(spec, logs.train, logs.cache);
    expect(fitted.fields.filter(({ encoding }) => encoding.kind === "spline")).toHaveLength(3);
    const learner = randomLearner(spec, vocabulary, new Random(4));
    const set = await (await openHeldOutLog(spec, { fitted, vocabulary }, logs.valid, logs.cache)).head(100);
    const draft = await exportModel({ spec, fitted, vocabulary, learner }, "f32", set);
    await using test = await openPart(spec, logs.test);
    const { logitDifference } = await measureParity({ fitted, vocabulary, learner }, draft, test);
    expect(logitDifference.max).toBeLessThan(1e-4);

    const scorer = new Scorer(placeBlob(kernelModule(), draft.blob));
    const none = new Map();
    for (const context of CONTEXTS) {
      const ranked = scorer.rank(scorer.locate(scorer.encodeCandidates(context, ITEMS), ITEMS.length), none);
      const whole = scorer.score(scorer.locate(scorer.encode(ITEMS.map((item) => ({ ...context, ...item })))), none);
      for (const [i, logit] of whole.logits.entries()) expect(ranked.logits[i]).toBeCloseTo(logit, 4);
    }

    await using catalogue = await openCatalogue(spec, [logs.test.paths[0] ?? ""]);
    const { report } = await addCatalogue(draft, "item", catalogue, CONTEXTS, { rows: spec.rows, vocabulary });
    expect(report.maxLogitDifference).toBeLessThan(1e-4);
  });
});
