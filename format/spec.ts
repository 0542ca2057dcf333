import * as v from "valibot";
import { choiceOf } from "./choice.ts";
import { crossesSides, type FieldOrigin } from "./columns.ts";
import { parseCommentedJson } from "./commented-json.ts";
import {
  MAX_EMBEDDING_DIM,
  MAX_FIELDS,
  MAX_LAYER_WIDTH,
  MAX_LAYERS,
  MAX_PAGE_BYTES,
  MAX_RECORD_ENTRIES,
} from "./constants.ts";
import { DataSettingsSchema } from "./data-settings.ts";
import { withDecimalSteps } from "./decimal-fields.ts";
import { show } from "./errors.ts";
import { fieldsAgree } from "./field-checks.ts";
import { fieldName, labelIsNoField, modelName, positiveInteger, recordEntries, sharedName } from "./field-schemas.ts";
import { FieldSchema } from "./field-spec.ts";
import { parseSettings } from "./unknown-key.ts";

// The feature spec: what a user writes to say which columns of a click log become which features, and how the
// model is trained on them. `feature-spec.schema.json` is generated from these schemas.

const about = v.description;
const nonNegative = v.pipe(v.number(), v.finite(), v.minValue(0));
const fraction = v.pipe(v.number(), v.minValue(0), v.maxValue(0.95));

/** Said of settings whose default trainer/data/default-settings.ts takes from the numbers of the training log. */
const BY_LOG = "Default: by the numbers of the training log.";

/** The models of the DeepFM paper's Table 2, with their names and in their order there, and DeepFM in two towers. */
export const MODEL_TYPES = [
  "LR",
  "FM",
  "FNN",
  "IPNN",
  "OPNN",
  "PNN*",
  "LR & DNN",
  "FM & DNN",
  "DeepFM",
  "two-tower",
] as const;
export type ModelType = (typeof MODEL_TYPES)[number];
export const DEFAULT_MODEL: ModelType = "DeepFM";

const model = v.strictObject({
  type: v.pipe(
    v.optional(choiceOf(MODEL_TYPES), DEFAULT_MODEL),
    about(
      "A model of the DeepFM paper's Table 2, or DeepFM in two towers, for retrieval. Letter case does not matter.",
    ),
  ),
  embeddingDim: v.pipe(
    v.optional(v.pipe(positiveInteger, v.maxValue(MAX_EMBEDDING_DIM))),
    about(`k, the length of a row's vector. ${BY_LOG}`),
  ),
  hidden: v.pipe(
    v.optional(
      v.pipe(v.array(v.pipe(positiveInteger, v.maxValue(MAX_LAYER_WIDTH))), v.minLength(1), v.maxLength(MAX_LAYERS)),
    ),
    about(`Units of each hidden layer. ${BY_LOG}`),
  ),
  activation: v.pipe(
    v.optional(v.picklist(["relu", "tanh", "sigmoid"]), "relu"),
    about("What follows each hidden layer."),
  ),
  dropout: v.pipe(v.optional(fraction), about(`The fraction of hidden units dropped in training. ${BY_LOG}`)),
  batchNorm: v.pipe(
    v.optional(v.boolean(), false),
    about("Batch normalization before each activation; folded into the weights at export."),
  ),
});

const training = v.strictObject({
  batchSize: v.pipe(v.optional(positiveInteger), about(`Records of a step. ${BY_LOG}`)),
  maxEpochs: v.pipe(v.optional(positiveInteger, 60), about("The most passes over the training log.")),
  patience: v.pipe(
    v.optional(positiveInteger, 3),
    about("Epochs without a better one on the validation log before the learning rate drops, or training stops."),
  ),
  monitor: v.pipe(
    v.optional(v.picklist(["logloss", "auc"]), "logloss"),
    about(
      "What of the validation log decides which epoch is kept and when training stops, and what `tune` ranks by. " +
        "logloss: scores are click rates. auc: their order alone counts. With the in-batch loss, that loss decides.",
    ),
  ),
  learningRate: v.pipe(
    v.optional(v.pipe(v.number(), v.finite(), v.gtValue(0))),
    about(
      "The size of the optimizer's steps, until it drops. Default: by the model and the numbers of the training log.",
    ),
  ),
  rateDrops: v.pipe(
    v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
    about(
      `How many times the learning rate is divided by ten, from the best weights, before training stops. ${BY_LOG}`,
    ),
  ),
  loss: v.pipe(
    v.optional(v.picklist(["logistic", "in-batch"]), "logistic"),
    about(
      "logistic: of the labels. in-batch, for the two-tower model: each positive record's item against the items of " +
        "its batch's other positives, corrected for how frequent they are.",
    ),
  ),
  calibrate: v.pipe(
    v.optional(v.picklist(["none", "platt", "isotonic"]), "none"),
    about(
      "What corrects the probabilities of the trained model, fitted on the validation part. platt: a line through the " +
        "logits. isotonic: an ascending curve, for some hundred clicks and more.",
    ),
  ),
  itemField: v.pipe(
    v.optional(fieldName),
    about(
      "The item field whose value tells items apart, for the in-batch loss and retrieval. Default: the first that is no " +
        "number.",
    ),
  ),
  optimizer: v.pipe(
    v.optional(v.picklist(["adam", "adagrad", "ftrl"]), "adam"),
    about(
      "How rows learn: lazy Adam, row-wise Adagrad or FTRL-proximal. Dense weights learn by Adam, " +
        "those of LR by FTRL with FTRL.",
    ),
  ),
  l1: v.pipe(v.optional(nonNegative, 0), about("λ of λ·|row|, for FTRL only: weights that do not pay stay zero.")),
  l2: v.pipe(v.optional(nonNegative), about(`λ of λ/2·‖row‖². ${BY_LOG}`)),
  l2Scope: v.pipe(
    v.optional(v.picklist(["batch", "table"])),
    about(
      "Which rows l2 shrinks at each step: those of the batch, or all of the table (what FuxiCTR's settings mean). " +
        "Default: batch where l2 is stated, else table.",
    ),
  ),
  denseL2: v.pipe(v.optional(nonNegative), about(`λ of λ/2·‖W‖² on the weights of the MLP. ${BY_LOG}`)),
  clipNorm: v.pipe(v.optional(nonNegative, 10), about("The largest norm of the whole gradient; 0 for none.")),
  seed: v.pipe(
    v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 32 - 1)), 1),
    about("Of the first weights, the order of the records, and dropout. The same seed gives the same model."),
  ),
});

/** Bytes of rows in a blob at most: with them, filter and layers fit MAX_BLOB_BYTES. */
export const MOST_ROW_BYTES = 28 * 2 ** 20;

/**
 * Two versions of a blob with so many bytes of items, and 5 MiB of other things, fit into the 52 MiB of memory that an
 * isolate has for models, so that the next one loads beside the one that serves.
 */
const DEFAULT_ITEM_BYTES = 20 * 2 ** 20;

const rows = v.strictObject({
  blobBytes: v.pipe(
    v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MOST_ROW_BYTES)), 2 ** 20),
    about("Budget for the rows of `auto` fields that travel in the blob."),
  ),
  pageBytes: v.pipe(
    v.optional(v.pipe(v.number(), v.integer(), v.minValue(1024), v.maxValue(MAX_PAGE_BYTES)), 2 ** 14),
    about("Largest page of rows in KV."),
  ),
  deltaBytes: v.pipe(
    v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MOST_ROW_BYTES)), 2 ** 20),
    about("Budget for the rows that an update puts into the blob in place of writing their pages again."),
  ),
  itemBytes: v.pipe(
    v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MOST_ROW_BYTES)), DEFAULT_ITEM_BYTES),
    about(
      "Budget for a catalogue's items in the blob. If their precomputed sums fit, all are there; if not, each is the " +
        "entries of its fields, and the least frequent ones are in pages.",
    ),
  ),
});

export const FeatureSpecSchema = v.pipe(
  v.strictObject({
    $schema: v.pipe(v.optional(v.string()), about("For editors: where the JSON Schema is.")),
    name: v.pipe(modelName, about("The model's name.")),
    label: v.pipe(v.optional(v.pipe(v.string(), v.minLength(1)), "label"), about("The column of 0 and 1 to predict.")),
    fields: v.pipe(
      v.array(FieldSchema),
      v.minLength(1),
      v.maxLength(MAX_FIELDS),
      about("What the model knows of a record."),
    ),
    data: v.pipe(v.optional(DataSettingsSchema, {}), about("How the log is read, and divided.")),
    model: v.pipe(v.optional(model, {}), about("What computes the logit.")),
    training: v.pipe(v.optional(training, {}), about("How the model learns.")),
    rows: v.pipe(v.optional(rows, {}), about("How the rows are divided between the blob and KV.")),
  }),
  v.transform(withSidesOfCrosses),
  v.transform(withDecimalSteps),
  v.check(
    (spec) => sharedName(spec.fields) === undefined,
    ({ input }) => `got two fields ${show(sharedName(input.fields))}, expected names that differ`,
  ),
  labelIsNoField(),
  fieldsAgree(),
  v.check(
    (spec) => recordEntries(spec.fields) <= MAX_RECORD_ENTRIES,
    ({ input }) => `got ${recordEntries(input.fields)} values in a record, expected at most ${MAX_RECORD_ENTRIES}`,
  ),
  v.check(
    (spec) => contradiction(spec) === undefined,
    ({ input }) => contradiction(input) ?? "",
  ),
);

/** A cross with a part of the item is of the item itself. */
function withSidesOfCrosses<Field extends FieldOrigin & { side: string }, Spec extends { fields: Field[] }>(
  spec: Spec,
): Spec {
  const ofItem = new Set(spec.fields.filter(({ side }) => side === "item").map(({ name }) => name));
  const fields = spec.fields.map((one) =>
    one.cross?.some((part) => ofItem.has(part)) ? { ...one, side: "item" } : one,
  );
  return { ...spec, fields };
}

interface SpecParts {
  fields: readonly (FieldOrigin & { side: string; encoding?: { kind: string } })[];
  data: { negatives?: { sample?: number | undefined; by?: string | undefined; user?: string | undefined } | undefined };
  model: { type: ModelType; batchNorm: boolean };
  training: { loss: string; calibrate: string; batchSize?: number | undefined; itemField?: string | undefined };
}

/** The contradiction between a spec's model and its fields or training, if there is one. */
function contradiction({ model: { type, batchNorm }, training, fields, data }: SpecParts): string | undefined {
  const items = fields.filter(({ side }) => side === "item");
  if (type === "two-tower" && (items.length === 0 || items.length === fields.length))
    return (
      `got ${items.length} of ${fields.length} fields with side "item", ` +
      "expected some of either side in a two-tower model"
    );
  const mixed = fields.find((one) => crossesSides(one, fields));
  if (type === "two-tower" && mixed)
    return (
      `got the cross ${show(mixed.name)} of a context's and an item's field, expected both of one side in a two-tower ` +
      "model, whose towers see one side each"
    );
  if (training.loss === "in-batch" && type !== "two-tower")
    return `got the loss "in-batch" with the model "${type}", expected "two-tower"`;
  if (training.loss === "in-batch" && training.calibrate !== "none")
    return `got calibrate "${training.calibrate}" with the loss "in-batch", which makes no probabilities, expected "none"`;
  if (training.batchSize === 1 && training.loss === "in-batch")
    return 'got batchSize 1 with the loss "in-batch", which sets an item against the others of its batch, expected more';
  if (training.batchSize === 1 && batchNorm)
    return "got batchSize 1 with batchNorm, to which all records are alike then, expected more";
  if (training.itemField !== undefined && !items.some((f) => f.name === training.itemField))
    return `got itemField ${show(training.itemField)}, expected the name of a field with side "item"`;
  if (items.some((f) => f.name === training.itemField && f.encoding?.kind === "spline"))
    return (
      `got itemField ${show(training.itemField)}, a spline, whose numbers share rows, ` +
      "expected a field that tells items apart"
    );
  return data.negatives?.sample === undefined ? undefined : samplingContradiction(fields, data.negatives);
}

/** The contradiction between a spec's fields and the negatives that are to be sampled, if there is one. */
function samplingContradiction(
  fields: SpecParts["fields"],
  { by, user }: NonNullable<SpecParts["data"]["negatives"]>,
): string | undefined {
  const items = fields.filter(({ side }) => side === "item");
  if (items.length === 0 || items.length === fields.length)
    return (
      `got ${items.length} of ${fields.length} fields with side "item", expected some of either side with ` +
      "data.negatives.sample, which gives a context another item"
    );
  if (fields.some(({ name, side }) => name === by && side === "context"))
    return `got data.negatives.by ${show(by)}, a field with side "context", expected one with side "item", or a column`;
  if (user !== undefined && items.some(({ name }) => name === user))
    return `got data.negatives.user ${show(user)}, a field with side "item", expected one with side "context", or a column`;
  return undefined;
}

export type FeatureSpec = v.InferOutput<typeof FeatureSpecSchema>;

/** The settings that a spec need not have before the training log is known. */
export const MODEL_KEYS = ["embeddingDim", "hidden", "dropout"] as const;
export const TRAINING_KEYS = ["batchSize", "learningRate", "rateDrops", "l2", "l2Scope", "denseL2"] as const;

/** A spec that has all its settings, whoever stated them. */
export type ResolvedSpec = Omit<FeatureSpec, "model" | "training"> & {
  model: Stated<FeatureSpec["model"], (typeof MODEL_KEYS)[number]>;
  training: Stated<FeatureSpec["training"], (typeof TRAINING_KEYS)[number]>;
};

type Stated<Settings, Key extends keyof Settings> = Settings & { [K in Key]-?: NonNullable<Settings[K]> };
export type FeatureField = FeatureSpec["fields"][number];
export type DataSettings = FeatureSpec["data"];

/** Parses the text of a feature spec: JSON, which may have comments and trailing commas. */
export function parseFeatureSpec(text: string, source: string): FeatureSpec {
  return parseSettings(FeatureSpecSchema, parseCommentedJson(text, source), source);
}
