import { describe, expect, test } from "vitest";
import { MODEL_TYPES, parseFeatureSpec } from "../../format/spec.ts";

type Json = Record<string, unknown>;
const site: Json = { name: "site", type: "categorical" };
const price: Json = { name: "price", type: "numeric" };
const tags: Json = { name: "tags", type: "multi-categorical" };

function spec(changes: Json): string {
  return JSON.stringify({ name: "ads", label: "click", fields: [site, price, tags], ...changes });
}

const field = (changes: Json, of: Json = site): string => spec({ fields: [price, { ...of, ...changes }] });
const without = (of: Json, key: string): Json =>
  Object.fromEntries(Object.entries(of).filter(([name]) => name !== key));
const hashed = (buckets: unknown): string => field({ name: "s", encoding: { kind: "hash", buckets } });
const numeric = (encoding: unknown): string => spec({ fields: [{ ...price, encoding }] });

const quoted = (keys: readonly string[]): string => keys.map((key) => `"${key}"`).join(", ");
const DATA_KEYS = [
  ...[
    "format",
    "delimiter",
    "quote",
    "encoding",
    "decimal",
    "thousands",
    "columns",
    "types",
    "hive",
    "select",
    "where",
    "weight",
  ],
  ...["negatives", "split", "shuffle"],
];

describe("accepted", () => {
  test("the shortest spec has every default but those that follow from the log", () => {
    const common = { side: "context", missing: "own", store: "auto" };
    expect(parseFeatureSpec('{"name": "ads", "fields": [{"name": "site", "type": "categorical"}]}', "s")).toEqual({
      name: "ads",
      label: "label",
      fields: [{ ...common, name: "site", type: "categorical", encoding: { kind: "vocabulary", minCount: 1 } }],
      data: { types: {}, hive: false, select: {}, shuffle: 262144 },
      model: {
        type: "DeepFM",
        activation: "relu",
        batchNorm: false,
      },
      training: {
        maxEpochs: 60,
        patience: 3,
        monitor: "logloss",
        loss: "logistic",
        calibrate: "none",
        optimizer: "adam",
        l1: 0,
        clipNorm: 10,
        seed: 1,
      },
      rows: { blobBytes: 1048576, pageBytes: 16384, deltaBytes: 1048576, itemBytes: 20971520 },
    });
  });

  test("numeric and multi-categorical fields have theirs", () => {
    const common = { side: "context", missing: "own", store: "auto" };
    expect(parseFeatureSpec(spec({ fields: [price, tags] }), "s").fields).toEqual([
      { ...common, name: "price", type: "numeric", encoding: { kind: "spline" } },
      {
        ...common,
        name: "tags",
        type: "multi-categorical",
        encoding: { kind: "vocabulary", minCount: 1 },
        separator: "|",
        pooling: "mean",
        maxValues: 50,
      },
    ]);
  });

  test.each<[string, string]>([
    ["a schema for editors", spec({ $schema: "./feature-spec.schema.json" })],
    ["a number for a missing number", field({ name: "p", missing: -1 }, price)],
    ["a missing value that is skipped", field({ missing: "skip" })],
    ["2³¹ buckets", hashed(2 ** 31)],
    ["standardized values", numeric({ kind: "value", scale: "standard" })],
    ["log2", numeric({ kind: "log2", minCount: 5 })],
    ["quantiles", numeric({ kind: "quantiles", count: 2 })],
    ["one boundary", numeric({ kind: "boundaries", boundaries: [0] })],
    ["256 fields", spec({ fields: Array.from({ length: 256 }, (_, i) => ({ ...site, name: `f${i}` })) })],
    ["a record of just 4,096 values", spec({ fields: many(4, 1023) })],
    ["a name of 64", spec({ name: "a".repeat(64) })],
    ["a model", spec({ model: { hidden: [1], embeddingDim: 256, dropout: 0.95, batchNorm: true } })],
    ["a log without a header", spec({ data: { columns: ["click", "site"] } })],
    ["computed columns", spec({ data: { types: { n: "INTEGER" }, select: { click: "n > 3" }, where: "n > 0" } })],
    ["numbers with their type", spec({ data: { types: { price: "double" }, where: "price > 0" } })],
    ["text with its type", spec({ data: { types: { site: "varchar" }, where: "site > 'a'" } })],
    [
      "a typed column that callers send as it is then",
      field({ servedAs: "given" }).replace("{", '{"data":{"types":{"site":"DATE"}},'),
    ],
    ["weights and thinned negatives", spec({ data: { weight: "w", negatives: { rate: 0.1 } } })],
    ["a split without a test", spec({ data: { split: { kind: "random", test: 0 } } })],
    ["a split by time", spec({ data: { split: { kind: "time", by: "at" } } })],
    ["no budget of hot rows", spec({ rows: { blobBytes: 0 } })],
  ])("%s", (_name, text) => {
    expect(parseFeatureSpec(text, "s").name).toMatch(/^a/);
  });
});

/** 2n fields: n multi-valued ones of `each` values, and n single-valued ones. */
function many(n: number, each: number): Json[] {
  const multi = Array.from({ length: n }, (_, i) => ({ ...tags, name: `m${i}`, maxValues: each }));
  return [...multi, ...Array.from({ length: n }, (_, i) => ({ ...site, name: `s${i}` }))];
}

describe("rejected", () => {
  const types = '("categorical" | "numeric" | "multi-categorical")';
  const kinds = '("spline" | "value" | "log2" | "quantiles" | "boundaries")';
  test.each<[string, string, string]>([
    ["no object", "17", "s: got 17, expected Object"],
    ["an unknown key", spec({ modle: {} }), 's: modle: unknown key, expected "model"'],
    [
      "an unknown key of a field",
      field({ minCount: 2 }),
      `s: fields[1].minCount: unknown key, expected one of ${quoted(["name", "from", "prepare", "servedAs", "cross", "type", "encoding", "side", "missing", "store"])}`,
    ],
    [
      "an unknown key of an encoding",
      field({ encoding: { kind: "vocabulary", buckets: 2 } }),
      's: fields[1].encoding.buckets: unknown key, expected one of "kind", "minCount"',
    ],
    [
      "an unknown key of model",
      spec({ model: { layers: 3 } }),
      's: model.layers: unknown key, expected one of "type", "embeddingDim", "hidden", "activation", "dropout", "batchNorm"',
    ],
    [
      "calibrated probabilities of a loss that makes none",
      spec({
        fields: [site, { ...price, side: "item" }],
        model: { type: "two-tower" },
        training: { loss: "in-batch", calibrate: "platt" },
      }),
      's: got calibrate "platt" with the loss "in-batch", which makes no probabilities, expected "none"',
    ],
    [
      "a batch in which no item is another's negative",
      spec({
        fields: [site, { ...price, side: "item" }],
        model: { type: "two-tower" },
        training: { loss: "in-batch", calibrate: "none", batchSize: 1 },
      }),
      's: got batchSize 1 with the loss "in-batch", which sets an item against the others of its batch, expected more',
    ],
    [
      "a batch that is its own mean",
      spec({ model: { batchNorm: true }, training: { batchSize: 1 } }),
      "s: got batchSize 1 with batchNorm, to which all records are alike then, expected more",
    ],
    ["a schema that is no text", spec({ $schema: 1 }), "s: $schema: got 1, expected string"],
    ["no name", spec({ name: undefined }), 's: name: missing, expected "name"'],
    [
      "a name with other characters",
      spec({ name: "Ads" }),
      `s: name: got "Ads", expected a-z, 0-9, '.', '_' or '-', at most 64, a letter or digit first`,
    ],
    [
      "a name of 65",
      spec({ name: "a".repeat(65) }),
      `s: name: got "${"a".repeat(56)}..., expected a-z, 0-9, '.', '_' or '-', at most 64, a letter or digit first`,
    ],
    [
      "a name that begins with a dot",
      spec({ name: ".ads" }),
      `s: name: got ".ads", expected a-z, 0-9, '.', '_' or '-', at most 64, a letter or digit first`,
    ],
    ["a label without characters", spec({ label: "" }), "s: label: got length 0, expected >=1"],
    ["a label that is a field", spec({ label: "site" }), 's: got the label "site" as a field, expected it to be none'],
    ["no fields", spec({ fields: undefined }), 's: fields: missing, expected "fields"'],
    ["fields that are no list", spec({ fields: {} }), "s: fields: got {}, expected Array"],
    ["an empty list of fields", spec({ fields: [] }), "s: fields: got length 0, expected >=1"],
    [
      "257 fields",
      spec({ fields: Array.from({ length: 257 }, (_, i) => ({ name: `f${i}`, type: "numeric" })) }),
      "s: fields: got length 257, expected <=256",
    ],
    [
      "two fields of one name",
      spec({ fields: [site, price, site] }),
      's: got two fields "site", expected names that differ',
    ],
    [
      "a field without a type",
      spec({ fields: [without(site, "type")] }),
      `s: fields[0].type: missing, expected ${types}`,
    ],
    ["an unknown type", field({ type: "text" }), `s: fields[1].type: got "text", expected ${types}`],
    [
      "a field without a name",
      spec({ fields: [without(site, "name")] }),
      's: fields[0].name: missing, expected "name"',
    ],
    ["a field name without characters", field({ name: "" }), "s: fields[1].name: got length 0, expected >=1"],
    ["a field name of 129", field({ name: "n".repeat(129) }), "s: fields[1].name: got length 129, expected <=128"],
    ["an unknown side", field({ side: "user" }), 's: fields[1].side: got "user", expected ("context" | "item")'],
    ["an unknown store", field({ store: "r2" }), 's: fields[1].store: got "r2", expected ("auto" | "blob" | "kv")'],
    [
      "an unknown way with missing values",
      field({ missing: "zero" }),
      's: fields[1].missing: got "zero", expected ("own" | "oov" | "skip")',
    ],
    [
      "a number for a missing category",
      field({ missing: 0 }),
      's: fields[1].missing: got 0, expected ("own" | "oov" | "skip")',
    ],
    [
      "an unknown encoding of a category",
      field({ encoding: { kind: "log2" } }),
      's: fields[1].encoding.kind: got "log2", expected ("vocabulary" | "hash")',
    ],
    [
      "an encoding without a kind",
      field({ encoding: {} }),
      's: fields[1].encoding.kind: missing, expected ("vocabulary" | "hash")',
    ],
    ["a hash without buckets", hashed(undefined), 's: fields[1].encoding.buckets: missing, expected "buckets"'],
    ["no buckets", hashed(0), "s: fields[1].encoding.buckets: got 0, expected >=1"],
    ["half a bucket", hashed(1.5), "s: fields[1].encoding.buckets: got 1.5, expected an integer"],
    ["too many buckets", hashed(2 ** 31 + 1), "s: fields[1].encoding.buckets: got 2147483649, expected <=2147483648"],
    [
      "a minimal count of 0",
      field({ encoding: { kind: "vocabulary", minCount: 0 } }),
      "s: fields[1].encoding.minCount: got 0, expected >=1",
    ],
    [
      "an unknown encoding of a number",
      numeric({ kind: "hash" }),
      `s: fields[0].encoding.kind: got "hash", expected ${kinds}`,
    ],
    [
      "an unknown scale",
      numeric({ kind: "value", scale: "minmax" }),
      's: fields[0].encoding.scale: got "minmax", expected ("none" | "standard")',
    ],
    ["one quantile", numeric({ kind: "quantiles", count: 1 }), "s: fields[0].encoding.count: got 1, expected >=2"],
    [
      "too many quantiles",
      numeric({ kind: "quantiles", count: 4097 }),
      "s: fields[0].encoding.count: got 4097, expected <=4096",
    ],
    [
      "no boundaries",
      numeric({ kind: "boundaries", boundaries: [] }),
      "s: fields[0].encoding.boundaries: got length 0, expected >=1",
    ],
    [
      "boundaries that repeat",
      numeric({ kind: "boundaries", boundaries: [1, 2, 2] }),
      "s: fields[0].encoding.boundaries: got [1,2,2], expected ascending numbers",
    ],
    [
      "a boundary that is no number",
      numeric({ kind: "boundaries", boundaries: [1, "2"] }),
      's: fields[0].encoding.boundaries[1]: got "2", expected number',
    ],
    [
      "a boundary that is infinite",
      numeric({ kind: "boundaries", boundaries: [1, 2] }).replace("[1,2]", "[1,1e999]"),
      "s: fields[0].encoding.boundaries[1]: got Infinity, expected a finite number",
    ],
    [
      "a missing number that is infinite",
      field({ name: "p", missing: 7 }, price).replace('"missing":7', '"missing":1e999'),
      "s: fields[1].missing: got Infinity, expected a finite number",
    ],
    [
      "a separator without characters",
      field({ separator: "" }, tags),
      "s: fields[1].separator: got length 0, expected >=1",
    ],
    [
      "a separator of a single value",
      field({ separator: "," }),
      `s: fields[1].separator: unknown key, expected one of ${quoted(["name", "from", "prepare", "servedAs", "cross", "type", "encoding", "side", "missing", "store"])}`,
    ],
    [
      "an unknown pooling",
      field({ pooling: "max" }, tags),
      's: fields[1].pooling: got "max", expected ("sum" | "mean")',
    ],
    ["lists of no values", field({ maxValues: 0 }, tags), "s: fields[1].maxValues: got 0, expected >=1"],
    ["lists of 1,025 values", field({ maxValues: 1025 }, tags), "s: fields[1].maxValues: got 1025, expected <=1024"],
    [
      "a record of 4,100 values",
      spec({ fields: many(4, 1024) }),
      "s: got 4100 values in a record, expected at most 4096",
    ],
    [
      "an unknown model",
      spec({ model: { type: "XDeepFM" } }),
      `s: model.type: got "XDeepFM", expected (${MODEL_TYPES.map((type) => `"${type}"`).join(" | ")})`,
    ],
    [
      "an unknown key of data",
      spec({ data: { header: true } }),
      `s: data.header: unknown key, expected one of ${quoted(DATA_KEYS)}`,
    ],
    [
      "a type that makes 7 of 007",
      spec({ data: { types: { site: "BIGINT" } } }),
      's: fields[0].name: got "site", which data.types makes BIGINT, so that requests would have other values: expected ' +
        'a column without a type, with a CAST in the SQL that needs one, or "servedAs": "given" where callers do send ' +
        "what the type makes of it",
    ],
    [
      "a type that rounds numbers",
      spec({ fields: [{ ...price, from: "cost" }], data: { types: { cost: "INTEGER" } } }),
      's: fields[0].from: got "cost", which data.types makes INTEGER, so that requests would have other values: expected ' +
        'a column without a type, with a CAST in the SQL that needs one, or "servedAs": "given" where callers do send ' +
        "what the type makes of it",
    ],
    ["SQL that is no text", spec({ data: { select: { a: 1 } } }), "s: data.select.a: got 1, expected string"],
    ["no share of negatives", spec({ data: { negatives: { rate: 0 } } }), "s: data.negatives.rate: got 0, expected >0"],
    [
      "an unknown split",
      spec({ data: { split: { kind: "user" } } }),
      's: data.split.kind: got "user", expected ("random" | "hash" | "time")',
    ],
    ["a split by nothing", spec({ data: { split: { kind: "hash" } } }), 's: data.split.by: missing, expected "by"'],
    [
      "a split that leaves nothing to train on",
      spec({ data: { split: { kind: "random", valid: 0.5, test: 0.5 } } }),
      "s: data.split: got valid 0.5 and test 0.5, expected their sum below 1",
    ],
    ["an embedding of 257", spec({ model: { embeddingDim: 257 } }), "s: model.embeddingDim: got 257, expected <=256"],
    ["no hidden layers", spec({ model: { hidden: [] } }), "s: model.hidden: got length 0, expected >=1"],
    [
      "17 hidden layers",
      spec({ model: { hidden: new Array(17).fill(1) } }),
      "s: model.hidden: got length 17, expected <=16",
    ],
    ["a hidden layer of 8,193", spec({ model: { hidden: [8193] } }), "s: model.hidden[0]: got 8193, expected <=8192"],
    ["a dropout of 1", spec({ model: { dropout: 1 } }), "s: model.dropout: got 1, expected <=0.95"],
    ["batchNorm as text", spec({ model: { batchNorm: "yes" } }), 's: model.batchNorm: got "yes", expected boolean'],
    ["no batch", spec({ training: { batchSize: 0 } }), "s: training.batchSize: got 0, expected >=1"],
    ["a learning rate of 0", spec({ training: { learningRate: 0 } }), "s: training.learningRate: got 0, expected >0"],
    [
      "a learning rate that is infinite",
      spec({ training: { learningRate: 7 } }).replace(":7}", ":1e999}"),
      "s: training.learningRate: got Infinity, expected a finite number",
    ],
    ["a negative l2", spec({ training: { l2: -1 } }), "s: training.l2: got -1, expected >=0"],
    ["a seed of 2³²", spec({ training: { seed: 2 ** 32 } }), "s: training.seed: got 4294967296, expected <=4294967295"],
    [
      "more hot rows than a blob holds",
      spec({ rows: { blobBytes: 2 ** 25 } }),
      "s: rows.blobBytes: got 33554432, expected <=29360128",
    ],
    ["pages too small", spec({ rows: { pageBytes: 1023 } }), "s: rows.pageBytes: got 1023, expected >=1024"],
    ["pages too large", spec({ rows: { pageBytes: 2 ** 20 } }), "s: rows.pageBytes: got 1048576, expected <=131072"],
  ])("%s", (_name, text, message) => {
    expect(() => parseFeatureSpec(text, "s")).toThrow(expect.objectContaining({ name: "FormatError", message }));
  });

  test("text that is not JSON, with the reason", () => {
    expect(() => parseFeatureSpec('{"name": }', "ads.json")).toThrow(
      'ads.json: not JSON: got "}" at line 1, column 10, expected a value',
    );
  });
});
