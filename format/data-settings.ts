import * as v from "valibot";
import { choiceOf } from "./choice.ts";
import { show } from "./errors.ts";
import { positiveInteger } from "./field-schemas.ts";
import { namedValues } from "./named-values.ts";
import { type DecimalStep, decimalSeparator, thousandsSeparator } from "./prepare/steps.ts";

// How the feature spec says that a log is read and divided.

const about = v.description;

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

const dataSettings = v.strictObject({
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
  decimal: v.pipe(
    v.optional(decimalSeparator),
    about(
      "What stands before the fraction of a number that is a text, in all of the log: numeric fields get the step " +
        "`decimal`, unless their own steps read numbers or times, and labels, weights and times to split by are read " +
        "alike. A number of JSON or Parquet is one already. Default: a point.",
    ),
  ),
  thousands: v.pipe(
    v.optional(thousandsSeparator),
    about("What stands between the thousands of these numbers. Default: nothing."),
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

/** The separators of the numbers of a log, as `data` says them. */
type Separators = { [Key in "decimal" | "thousands"]?: v.InferOutput<typeof dataSettings>[Key] };

export const DataSettingsSchema = v.pipe(
  dataSettings,
  v.check(
    ({ decimal = ".", thousands }) => thousands !== decimal,
    ({ input: { decimal, thousands } }) =>
      `got ${show(thousands)} for thousands${decimal === undefined ? ", as the decimal separator is by default" : " and for decimal"}, expected two separators`,
  ),
);

/** The step that reads the log's numbers; null where they are written as programs write them. */
export function decimalStep({ decimal = ".", thousands }: Separators): DecimalStep | null {
  if (decimal === "." && thousands === undefined) return null;
  return { decimal, ...(thousands !== undefined && { thousands }) };
}
