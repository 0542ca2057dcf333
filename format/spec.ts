import * as v from "valibot";
import {
  MAX_EMBEDDING_DIM,
  MAX_FIELDS,
  MAX_LAYER_WIDTH,
  MAX_LAYERS,
  MAX_PAGE_BYTES,
  MAX_RECORD_ENTRIES,
} from "./constants.ts";
import { show } from "./errors.ts";
import {
  boundariesEncoding,
  categoricalMissing,
  fieldName,
  hashEncoding,
  intervalCount,
  labelIsNoField,
  modelName,
  multiValued,
  numericMissing,
  positiveInteger,
  recordEntries,
  sharedName,
} from "./field-schemas.ts";
import { namedValues } from "./named-values.ts";
import { parseJson } from "./parse.ts";
import { parseSettings } from "./unknown-key.ts";

// The feature spec: what a user writes to say which columns of a click log become which features, and how the
// model is trained on them. `feature-spec.schema.json` is generated from these schemas.

const about = v.description;
const nonNegative = v.pipe(v.number(), v.finite(), v.minValue(0));
const fraction = v.pipe(v.number(), v.minValue(0), v.maxValue(0.95));

const side = v.pipe(
  v.optional(v.picklist(["context", "item"]), "context"),
  about("context: the same for every candidate of a request. item: differs per candidate."),
);
const store = v.pipe(
  v.optional(v.picklist(["auto", "blob", "kv"]), "auto"),
  about("Where the rows travel. auto: the most frequent ones in the blob, within rows.blobBytes, the rest in KV."),
);
const minCount = v.pipe(
  v.optional(positiveInteger, 1),
  about("Values seen fewer times in training share the out-of-vocabulary row."),
);

const vocabulary = v.strictObject({ kind: v.literal("vocabulary"), minCount });
const categoricalEncoding = v.pipe(
  v.optional(v.variant("kind", [vocabulary, hashEncoding]), { kind: "vocabulary" }),
  about("vocabulary: a row per value. hash: a row per bucket."),
);

const logSquared = v.strictObject({ kind: v.literal("log2"), minCount });
/** Measured on four logs with 8, 12, 16, 32 and 64 knots: docs/results.md, "Numbers". */
const DEFAULT_KNOTS = 12;
const numericEncoding = v.pipe(
  v.optional(
    v.variant("kind", [
      v.strictObject({ kind: v.literal("spline"), knots: v.optional(intervalCount, DEFAULT_KNOTS) }),
      v.strictObject({ kind: v.literal("value"), scale: v.optional(v.picklist(["none", "standard"]), "none") }),
      logSquared,
      v.strictObject({ kind: v.literal("quantiles"), count: intervalCount }),
      boundariesEncoding,
    ]),
    { kind: "spline" },
  ),
  about(
    "spline: a row per knot, and a number between two knots has both rows, weighted by its distance from them. " +
      "value: the number times one embedding. log2: a row per floor(ln(x)²), as usual for Criteo. " +
      "quantiles, boundaries: a row per interval.",
  ),
);

const field = v.variant("type", [
  v.strictObject({
    name: fieldName,
    type: v.literal("categorical"),
    encoding: categoricalEncoding,
    side,
    missing: categoricalMissing,
    store,
  }),
  v.strictObject({
    name: fieldName,
    type: v.literal("numeric"),
    encoding: numericEncoding,
    side,
    missing: numericMissing,
    store,
  }),
  v.strictObject({
    name: fieldName,
    type: v.literal("multi-categorical"),
    encoding: categoricalEncoding,
    ...multiValued,
    side,
    missing: categoricalMissing,
    store,
  }),
]);

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

const model = v.strictObject({
  type: v.pipe(
    v.optional(v.picklist(MODEL_TYPES), "DeepFM"),
    about("A model of the DeepFM paper's Table 2, or DeepFM in two towers, for retrieval."),
  ),
  embeddingDim: v.pipe(
    v.optional(v.pipe(positiveInteger, v.maxValue(MAX_EMBEDDING_DIM)), 10),
    about("k, the length of a row's vector."),
  ),
  hidden: v.pipe(
    v.optional(
      v.pipe(v.array(v.pipe(positiveInteger, v.maxValue(MAX_LAYER_WIDTH))), v.minLength(1), v.maxLength(MAX_LAYERS)),
      [400, 400, 400],
    ),
    about("Units of each hidden layer."),
  ),
  activation: v.pipe(
    v.optional(v.picklist(["relu", "tanh", "sigmoid"]), "relu"),
    about("What follows each hidden layer."),
  ),
  dropout: v.pipe(v.optional(fraction, 0), about("The fraction of hidden units dropped in training.")),
  batchNorm: v.pipe(
    v.optional(v.boolean(), false),
    about("Batch normalization before each activation; folded into the weights at export."),
  ),
});

const training = v.strictObject({
  batchSize: v.optional(positiveInteger, 2048),
  maxEpochs: v.optional(positiveInteger, 20),
  patience: v.pipe(
    v.optional(positiveInteger, 2),
    about("Epochs without a better validation AUC before the learning rate drops, or training stops."),
  ),
  learningRate: v.optional(v.pipe(v.number(), v.finite(), v.gtValue(0)), 0.001),
  rateDrops: v.pipe(
    v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0),
    about("How many times the learning rate is divided by ten, from the best weights, before training stops."),
  ),
  loss: v.pipe(
    v.optional(v.picklist(["logistic", "in-batch"]), "logistic"),
    about(
      "logistic: of the labels. in-batch, for the two-tower model: each positive record's item against the items of " +
        "its batch's other positives, corrected for how frequent they are.",
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
  l2: v.pipe(v.optional(nonNegative, 0), about("λ of λ/2·‖row‖².")),
  l2Scope: v.pipe(
    v.optional(v.picklist(["batch", "table"]), "batch"),
    about(
      "Which rows l2 shrinks at each step: those of the batch, or all of the table (what FuxiCTR's settings mean).",
    ),
  ),
  denseL2: v.pipe(v.optional(nonNegative, 0), about("λ of λ/2·‖W‖² on the weights of the MLP.")),
  clipNorm: v.pipe(v.optional(nonNegative, 10), about("The largest norm of the whole gradient; 0 for none.")),
  seed: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 32 - 1)), 1),
});

const rows = v.strictObject({
  blobBytes: v.pipe(
    v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(20 * 2 ** 20)), 2 ** 20),
    about("Budget for the rows of `auto` fields that travel in the blob."),
  ),
  pageBytes: v.pipe(
    v.optional(v.pipe(v.number(), v.integer(), v.minValue(1024), v.maxValue(MAX_PAGE_BYTES)), 2 ** 14),
    about("Largest page of rows in KV."),
  ),
});

/** The default size of the shuffle buffer. */
const SHUFFLE_RECORDS = 2 ** 18;

const sql = v.pipe(v.string(), v.minLength(1));
const column = v.pipe(v.string(), v.minLength(1));
const share = v.pipe(v.number(), v.gtValue(0), v.maxValue(0.9));
const seed = v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 32 - 1)), 1);
const shares = {
  valid: v.pipe(v.optional(share, 0.1), about("Share of the records that decide when to stop.")),
  test: v.pipe(v.optional(v.union([v.literal(0), share]), 0.1), about("Share of the records to test on; 0 for none.")),
};
const by = v.pipe(column, about("A column of the log or of `select`, not of both."));

const data = v.strictObject({
  format: v.pipe(
    v.optional(v.picklist(["csv", "tsv", "jsonl", "parquet", "libsvm", "libffm"])),
    about("The log's format, where its name does not end in one."),
  ),
  columns: v.pipe(
    v.optional(v.pipe(v.array(column), v.minLength(1))),
    about("Names of the columns in their order, for CSV and TSV files without a header."),
  ),
  types: v.pipe(
    v.optional(namedValues(column, sql), {}),
    about(
      "DuckDB types of columns that `select` and `where` compute with. Without one, a column of CSV or TSV is text, a " +
        "key of JSON lines is JSON, and a column of Parquet has the type that all files give it.",
    ),
  ),
  hive: v.pipe(
    v.optional(v.boolean(), false),
    about("Whether folders named key=value give columns (Hive partitions)."),
  ),
  select: v.pipe(
    v.optional(namedValues(column, sql), {}),
    about("Columns that are computed: name → DuckDB SQL over the log's columns. One of the same name is replaced."),
  ),
  where: v.pipe(v.optional(sql), about("DuckDB SQL: the records to use, over the columns of the log and of `select`.")),
  weight: v.pipe(
    v.optional(column),
    about("The column of sample weights: how much a record's loss counts, 0 or more."),
  ),
  negatives: v.pipe(
    v.optional(v.strictObject({ rate: v.pipe(v.number(), v.gtValue(0), v.maxValue(1)), seed })),
    about("The share of the records with label 0 that training keeps. Logits are corrected by ln(rate)."),
  ),
  split: v.pipe(
    v.optional(
      v.pipe(
        v.variant("kind", [
          v.strictObject({ kind: v.literal("random"), ...shares, seed }),
          v.strictObject({ kind: v.literal("hash"), by, ...shares, seed }),
          v.strictObject({ kind: v.literal("time"), by, ...shares }),
        ]),
        v.check(
          ({ valid, test }) => valid + test < 1,
          ({ input }) => `got valid ${input.valid} and test ${input.test}, expected their sum below 1`,
        ),
      ),
    ),
    about(
      "How one log becomes three. random: by record. hash: all records of a value of `by` together. " +
        "time: the last ones by `by`.",
    ),
  ),
  shuffle: v.pipe(
    v.optional(v.pipe(positiveInteger, v.maxValue(2 ** 26)), SHUFFLE_RECORDS),
    about("Records that the shuffle buffer holds: the part of the log in memory."),
  ),
});

export const FeatureSpecSchema = v.pipe(
  v.strictObject({
    $schema: v.optional(v.string()),
    name: v.pipe(modelName, about("The model's name.")),
    label: v.pipe(v.optional(v.pipe(v.string(), v.minLength(1)), "label"), about("The column of 0 and 1 to predict.")),
    fields: v.pipe(v.array(field), v.minLength(1), v.maxLength(MAX_FIELDS)),
    data: v.pipe(v.optional(data, {}), about("How the log is read, and divided.")),
    model: v.optional(model, {}),
    training: v.optional(training, {}),
    rows: v.optional(rows, {}),
  }),
  v.check(
    (spec) => sharedName(spec.fields) === undefined,
    ({ input }) => `got two fields ${show(sharedName(input.fields))}, expected names that differ`,
  ),
  labelIsNoField(),
  v.check(
    (spec) => recordEntries(spec.fields) <= MAX_RECORD_ENTRIES,
    ({ input }) => `got ${recordEntries(input.fields)} values in a record, expected at most ${MAX_RECORD_ENTRIES}`,
  ),
  v.check(
    (spec) => contradiction(spec) === undefined,
    ({ input }) => contradiction(input) ?? "",
  ),
);

interface SpecParts {
  fields: readonly { name: string; side: string; encoding: { kind: string } }[];
  model: { type: ModelType };
  training: { loss: string; itemField?: string | undefined };
}

/** The contradiction between a spec's model and its fields or training, if there is one. */
function contradiction({ model: { type }, training, fields }: SpecParts): string | undefined {
  const items = fields.filter(({ side }) => side === "item");
  if (type === "two-tower" && (items.length === 0 || items.length === fields.length))
    return (
      `got ${items.length} of ${fields.length} fields with side "item", ` +
      "expected some of either side in a two-tower model"
    );
  if (training.loss === "in-batch" && type !== "two-tower")
    return `got the loss "in-batch" with the model "${type}", expected "two-tower"`;
  if (training.itemField !== undefined && !items.some((f) => f.name === training.itemField))
    return `got itemField ${show(training.itemField)}, expected the name of a field with side "item"`;
  if (items.some((f) => f.name === training.itemField && f.encoding.kind === "spline"))
    return (
      `got itemField ${show(training.itemField)}, a spline, whose numbers share rows, ` +
      "expected a field that tells items apart"
    );
  return undefined;
}

export type FeatureSpec = v.InferOutput<typeof FeatureSpecSchema>;
export type FeatureField = FeatureSpec["fields"][number];
export type DataSettings = FeatureSpec["data"];

/** Parses the JSON text of a feature spec. */
export function parseFeatureSpec(text: string, source: string): FeatureSpec {
  return parseSettings(FeatureSpecSchema, parseJson(text, source), source);
}
