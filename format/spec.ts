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
import { show } from "./errors.ts";
import { fieldsAgree } from "./field-checks.ts";
import {
  boundariesEncoding,
  categoricalMissing,
  cross,
  fieldName,
  hashEncoding,
  intervalCount,
  labelIsNoField,
  modelName,
  multiValued,
  numericMissing,
  origin,
  positiveInteger,
  recordEntries,
  sharedName,
} from "./field-schemas.ts";
import { namedValues } from "./named-values.ts";
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
      v.strictObject({
        kind: v.literal("spline"),
        knots: v.pipe(
          v.optional(intervalCount, DEFAULT_KNOTS),
          about("Rows of the field, each of which stands at a quantile of the training log's numbers."),
        ),
      }),
      v.strictObject({
        kind: v.literal("value"),
        scale: v.pipe(
          v.optional(v.picklist(["none", "standard"]), "none"),
          about("standard: less the mean of the training log, divided by its standard deviation."),
        ),
      }),
      logSquared,
      v.strictObject({
        kind: v.literal("quantiles"),
        count: v.pipe(intervalCount, about("Intervals, of as many training records each.")),
      }),
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

const named = {
  name: fieldName,
  ...origin,
  servedAs: v.exactOptional(
    v.pipe(v.literal("given"), about("Allows a column that data.select computes: callers send the computed value.")),
  ),
};

const field = v.variant("type", [
  v.strictObject({
    ...named,
    cross,
    type: v.literal("categorical"),
    encoding: categoricalEncoding,
    side,
    missing: categoricalMissing,
    store,
  }),
  v.strictObject({
    ...named,
    type: v.literal("numeric"),
    encoding: numericEncoding,
    side,
    missing: numericMissing,
    store,
  }),
  v.strictObject({
    ...named,
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
    v.optional(choiceOf(MODEL_TYPES), "DeepFM"),
    about(
      "A model of the DeepFM paper's Table 2, or DeepFM in two towers, for retrieval. Letter case does not matter.",
    ),
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
  batchSize: v.pipe(v.optional(positiveInteger, 2048), about("Records of a step.")),
  maxEpochs: v.pipe(v.optional(positiveInteger, 20), about("The most passes over the training log.")),
  patience: v.pipe(
    v.optional(positiveInteger, 2),
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
    v.optional(v.pipe(v.number(), v.finite(), v.gtValue(0)), 0.001),
    about("The size of the optimizer's steps, until it drops."),
  ),
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
  l2: v.pipe(v.optional(nonNegative, 0), about("λ of λ/2·‖row‖².")),
  l2Scope: v.pipe(
    v.optional(v.picklist(["batch", "table"]), "batch"),
    about(
      "Which rows l2 shrinks at each step: those of the batch, or all of the table (what FuxiCTR's settings mean).",
    ),
  ),
  denseL2: v.pipe(v.optional(nonNegative, 0), about("λ of λ/2·‖W‖² on the weights of the MLP.")),
  clipNorm: v.pipe(v.optional(nonNegative, 10), about("The largest norm of the whole gradient; 0 for none.")),
  seed: v.pipe(
    v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 32 - 1)), 1),
    about("Of the first weights, the order of the records, and dropout. The same seed gives the same model."),
  ),
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

/** A hundred times as many negatives as positives teach no more, and make the log a hundred times as long. */
const MAX_SAMPLED_NEGATIVES = 100;

/** A setting of sampled negatives that stands beside `rate`, if there is one. */
function aloneInRate(settings: { rate?: unknown; by?: unknown; distribution?: unknown; user?: unknown }) {
  if (settings.rate === undefined) return undefined;
  return (["by", "distribution", "user"] as const).find((key) => settings[key] !== undefined);
}

/** The default size of the shuffle buffer. */
const SHUFFLE_RECORDS = 2 ** 18;

const sql = v.pipe(v.string(), v.minLength(1));
const column = v.pipe(v.string(), v.minLength(1));
/** One character that no line end, and no part of another character in UTF-8, can be. */
const asciiCharacter = v.pipe(v.string(), v.regex(/^[^\r\n\0\x80-\uffff]$/, "expected one character of ASCII"));
const share = v.pipe(v.number(), v.gtValue(0), v.maxValue(0.9));
const seed = v.pipe(
  v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 32 - 1)), 1),
  about("The same seed chooses the same records."),
);
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
  delimiter: v.pipe(
    v.optional(asciiCharacter),
    about("What stands between the cells of a line of CSV or TSV. Default: a comma for CSV, a tab for TSV."),
  ),
  quote: v.pipe(
    v.optional(v.union([v.literal(""), asciiCharacter])),
    about(
      'What quotes a cell of CSV or TSV; twice within one, it stands for itself. "": nothing does. Default: a double ' +
        "quote.",
    ),
  ),
  encoding: v.pipe(
    v.optional(choiceOf(["utf-8", "utf-16", "utf-16le", "utf-16be", "latin-1", "windows-1252"])),
    about(
      "How the text of CSV or TSV is encoded. utf-16: as its byte order mark says, or else little endian. latin-1 is " +
        "windows-1252, as in browsers. Default: utf-8.",
    ),
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
    v.optional(
      v.pipe(
        v.strictObject({
          rate: v.pipe(
            v.optional(v.pipe(v.number(), v.gtValue(0), v.maxValue(1))),
            about("The share of the records with label 0 that training keeps. Logits are corrected by ln(rate)."),
          ),
          sample: v.pipe(
            v.optional(v.pipe(positiveInteger, v.maxValue(MAX_SAMPLED_NEGATIVES))),
            about("How many records with label 0 are made of each with label 1: its context with another item."),
          ),
          by: v.pipe(v.optional(column), about("For `sample`: the field or column that tells items apart.")),
          distribution: v.pipe(
            v.optional(v.picklist(["uniform", "popularity"])),
            about(
              "For `sample`: how items are drawn. uniform, the default: all alike. " +
                "popularity: by their records with label 1.",
            ),
          ),
          user: v.pipe(
            v.optional(column),
            about(
              "For `sample`: the field or column that tells users apart. An item of one of a user's records with label " +
                "1 is no negative of this user. Default: the columns of all context fields together.",
            ),
          ),
          seed,
        }),
        v.check(
          ({ rate, sample }) => (rate === undefined) !== (sample === undefined),
          ({ input: { rate } }) => `got ${rate === undefined ? "neither" : "both"}, expected rate or sample`,
        ),
        v.check(
          ({ sample, by }) => sample === undefined || by !== undefined,
          () => "got sample without by, expected the field or column that tells items apart",
        ),
        v.check(
          (settings) => aloneInRate(settings) === undefined,
          ({ input }) => `got ${aloneInRate(input)} with rate, which goes with sample alone`,
        ),
      ),
    ),
    about("How negatives, the records with label 0, are thinned (`rate`) or made (`sample`)."),
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
    $schema: v.pipe(v.optional(v.string()), about("For editors: where the JSON Schema is.")),
    name: v.pipe(modelName, about("The model's name.")),
    label: v.pipe(v.optional(v.pipe(v.string(), v.minLength(1)), "label"), about("The column of 0 and 1 to predict.")),
    fields: v.pipe(v.array(field), v.minLength(1), v.maxLength(MAX_FIELDS), about("What the model knows of a record.")),
    data: v.pipe(v.optional(data, {}), about("How the log is read, and divided.")),
    model: v.pipe(v.optional(model, {}), about("What computes the logit.")),
    training: v.pipe(v.optional(training, {}), about("How the model learns.")),
    rows: v.pipe(v.optional(rows, {}), about("How the rows are divided between the blob and KV.")),
  }),
  v.transform(withSidesOfCrosses),
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
  model: { type: ModelType };
  training: { loss: string; calibrate: string; itemField?: string | undefined };
}

/** The contradiction between a spec's model and its fields or training, if there is one. */
function contradiction({ model: { type }, training, fields, data }: SpecParts): string | undefined {
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
export type FeatureField = FeatureSpec["fields"][number];
export type DataSettings = FeatureSpec["data"];

/** Parses the text of a feature spec: JSON, which may have comments and trailing commas. */
export function parseFeatureSpec(text: string, source: string): FeatureSpec {
  return parseSettings(FeatureSpecSchema, parseCommentedJson(text, source), source);
}
