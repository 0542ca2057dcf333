import { resolve } from "node:path";
import { columnsOf } from "../../format/columns.ts";
import { DuckDb } from "../../trainer/data/duckdb.ts";
import { FileLinks } from "../../trainer/data/file-links.ts";
import { identifier, literal } from "../../trainer/data/sql.ts";
import { removeQuietly, temporaryPath } from "../../trainer/io/temporary.ts";
import { checkFile, type Recipe, writeParts } from "./recipe.ts";

// A rating of 4 or 5 is a click. The split is by time, so that a model is never trained on what comes after its test;
// most users of the test log are then new, and all that is known of them is what they liked before, the field `liked`.

const FIELDS = [
  { name: "user", type: "categorical" },
  { name: "age", type: "numeric", encoding: { kind: "boundaries", boundaries: [18, 25, 35, 45, 50, 56] } },
  { name: "gender", type: "categorical" },
  { name: "occupation", type: "categorical" },
  { name: "region", type: "categorical", from: "zip_code", prepare: [{ prefix: 1 }] },
  { name: "liked", type: "multi-categorical", separator: " ", pooling: "mean", maxValues: 50 },
  { name: "item", type: "categorical", side: "item" },
  { name: "year", type: "numeric", encoding: { kind: "quantiles", count: 10 }, side: "item" },
  { name: "genres", type: "multi-categorical", separator: " ", pooling: "mean", side: "item" },
];
const SPLIT = { kind: "time", by: "timestamp", valid: 0.1, test: 0.1 } as const;

/** SQL: the items that the user clicked at earlier times, the latest 50, the latest first. */
const LIKED = `list_aggregate(list_transform(list_reverse_sort(
    list({seen: CAST("timestamp:float" AS DOUBLE), item: "item_id:token"})
      FILTER (CAST("rating:float" AS DOUBLE) >= 4) OVER earlier
  )[:50], x -> x.item), 'string_agg', ' ')`;
const EARLIER = `(PARTITION BY "user_id:token" ORDER BY CAST("timestamp:float" AS DOUBLE)
  RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)`;

const LAYOUTS = [
  {
    name: "ml-100k.inter",
    columns: ["user_id:token", "item_id:token", "rating:float", "timestamp:float"],
    records: 100_000,
  },
  { name: "ml-100k.item", columns: ["item_id:token", "release_year:token", "class:token_seq"], records: 1_682 },
  {
    name: "ml-100k.user",
    columns: ["user_id:token", "age:token", "gender:token", "occupation:token", "zip_code:token"],
    records: 943,
  },
];

export const movielens: Recipe = {
  name: "movielens",
  about: "MovieLens 100K: a rating of 4 or 5 as the label, users' and items' fields joined; split by time",
  source:
    "MovieLens 100K is by GroupLens (grouplens.org/datasets/movielens/100k), for research only. Expected: " +
    "ml-100k.inter, ml-100k.item and ml-100k.user (also .gz), the atomic files of RecBole " +
    "(recbole.io/dataset_list.html).",
  spec: {
    name: "movielens-100k",
    fields: FIELDS,
    model: { embeddingDim: 10, hidden: [64, 64], dropout: 0.2 },
    training: {
      batchSize: 1024,
      maxEpochs: 30,
      learningRate: 0.001,
      patience: 2,
      monitor: "auc",
      rateDrops: 1,
      l2: 0.01,
    },
  },
  async prepare(from, out, parquet) {
    const [ratings, items, users] = await Promise.all(
      LAYOUTS.map(async ({ name, columns, records }) => {
        const names = [name, `${name}.gz`];
        return (await checkFile(movielens.source, from, [{ names, data: { format: "tsv" }, columns, records }])).path;
      }),
    );
    const joined = temporaryPath(resolve(out, "joined.parquet"));
    using links = await FileLinks.open([ratings, items, users]);
    const table = (path: string): string =>
      `read_csv(${literal(links.of(path))}, delim = '\\t', header = true, all_varchar = true, quote = '', escape = '')`;
    const columns = [
      `CAST("rating:float" AS DOUBLE) >= 4 AS label`,
      `CAST("timestamp:float" AS DOUBLE) AS timestamp`,
      `"user_id:token" AS "user"`,
      `"age:token" AS age`,
      `"gender:token" AS gender`,
      `"occupation:token" AS occupation`,
      `"zip_code:token" AS zip_code`,
      `${LIKED} AS liked`,
      `"item_id:token" AS item`,
      `TRY_CAST("release_year:token" AS INTEGER) AS year`,
      `"class:token_seq" AS genres`,
    ];
    try {
      await using duckdb = await DuckDb.open(undefined, [...links.paths, joined]);
      await duckdb.run(
        `COPY (SELECT ${columns.join(", ")} FROM ${table(ratings)} AS ratings
          JOIN ${table(users)} AS users USING (${identifier("user_id:token")})
          JOIN ${table(items)} AS items USING (${identifier("item_id:token")})
          WINDOW earlier AS ${EARLIER} ORDER BY timestamp, "user", item)
          TO ${literal(joined)} (FORMAT parquet, USE_TMP_FILE false)`,
      );
      await writeParts(joined, { format: "parquet", split: SPLIT }, ["label", ...columnsOf(FIELDS)], parquet);
    } finally {
      removeQuietly(joined);
    }
  },
};
