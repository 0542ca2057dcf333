import * as v from "valibot";
import { show } from "../errors.ts";
import { parsePattern } from "./pattern-syntax.ts";
import { TIME_PARTS, timeFormatProblem } from "./time-format.ts";
import { isTimeZone } from "./time-zone.ts";

// The schemas of the steps that prepare a field's values before they are encoded, as FORMAT.md, "Preparation", defines
// them. The feature spec and the fitted spec have the same.

const about = v.description;

/** More steps would cost a request time for nothing: what people write has one to five. */
export const MAX_STEPS = 16;
/** Texts that mean missing; a value is looked up among them. */
const MAX_MISSING_TEXTS = 1024;
/** The longest prefix, in characters. */
const MAX_PREFIX = 1024;

/** The steps without settings. */
const PLAIN_STEPS = ["trim", "spaces", "lower", "upper", "nfc", "nfkc", "log"] as const;

const plain = v.pipe(
  v.picklist(PLAIN_STEPS),
  about(
    "trim: without white space at its ends. spaces: runs of white space become one blank. lower, upper: case. nfc, " +
      "nfkc: Unicode normalization. log: sign(x)·ln(1 + |x|) of a number.",
  ),
);
const missing = v.strictObject({
  missing: v.pipe(
    v.array(v.string()),
    v.minLength(1),
    v.maxLength(MAX_MISSING_TEXTS),
    about("Further texts that mean missing."),
  ),
});
export const decimalSeparator = v.picklist([".", ","]);
export const thousandsSeparator = v.pipe(
  v.string(),
  v.regex(/^[^\d+\-eE]$/, "expected one character that is no digit, sign or e"),
);
const decimal = v.pipe(
  v.strictObject({
    decimal: v.pipe(decimalSeparator, about("The decimal separator of a text that becomes a number.")),
    thousands: v.exactOptional(v.pipe(thousandsSeparator, about("What stands between the thousands."))),
  }),
  v.check(
    ({ decimal, thousands }) => decimal !== thousands,
    ({ input }) => `got ${show(input.decimal)} for both decimal and thousands, expected two separators`,
  ),
);
const time = v.pipe(
  v.strictObject({
    time: v.pipe(
      v.picklist(TIME_PARTS),
      about("hour 0–23, weekday 1 (Monday)–7, day of the month, month 1–12, date as 2024-12-31."),
    ),
    zone: v.pipe(
      v.optional(
        v.pipe(
          v.string(),
          v.check(isTimeZone, ({ input }) => zoneProblem(input)),
        ),
        "UTC",
      ),
      about("The IANA time zone of the result, and of times that have no offset of their own."),
    ),
    format: v.exactOptional(
      v.pipe(v.string(), v.minLength(1), v.maxLength(64), about("strptime's, for texts that are not ISO 8601.")),
    ),
    unit: v.exactOptional(v.pipe(v.picklist(["s", "ms"]), about("What numbers count, since 1970."))),
  }),
  v.check(
    ({ format, unit }) => format === undefined || unit === undefined,
    "got both a format and a unit, expected one: a format is of texts, a unit of numbers",
  ),
  v.check(
    ({ time, format }) => format === undefined || timeFormatProblem(format, time) === null,
    ({ input: { time, format = "" } }) => timeFormatProblem(format, time) ?? "",
  ),
);
const list = v.strictObject({
  list: v.pipe(v.picklist(["json", "python"]), about("A text such as [\"a\", \"b\"] or ['a', 'b'] is a list.")),
});
const finite = v.pipe(v.number(), v.finite());
const clip = v.strictObject({
  clip: v.pipe(
    v.strictTuple([finite, finite]),
    v.check(
      ([low, high]) => low < high,
      ({ input }) => `got ${show(input)}, expected the lower bound first`,
    ),
    about("A number below the first or above the second is that one."),
  ),
});
const prefix = v.strictObject({
  prefix: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_PREFIX), about("The first n characters.")),
});
const capture = v.strictObject({
  capture: v.pipe(
    v.string(),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      const { problem } = parsePattern(dataset.value);
      if (problem !== null) addIssue({ message: problem });
    }),
    about("What the one group of a regular expression matches. Without a match the value is missing."),
  ),
});

function zoneProblem(zone: unknown): string {
  return `got ${show(zone)}, expected an IANA time zone such as "Europe/Berlin"`;
}

const SETTINGS = [missing, decimal, time, list, clip, prefix, capture] as const;
const union = v.union([plain, ...SETTINGS]);

/** A step. What is wrong with one is said of the form that its first key names, and not of all forms together. */
const step: typeof union = {
  ...union,
  "~run"(dataset, config) {
    const input: unknown = dataset.value;
    const isObject = typeof input === "object" && input !== null && !Array.isArray(input);
    const form = isObject
      ? SETTINGS.find(({ entries }) => Object.hasOwn(input, Object.keys(entries)[0] ?? ""))
      : typeof input === "string"
        ? plain
        : undefined;
    return form
      ? (form["~run"](dataset, config) as ReturnType<(typeof union)["~run"]>)
      : union["~run"](dataset, config);
  },
};

export const stepsSchema = v.pipe(
  v.array(step),
  v.minLength(1),
  v.maxLength(MAX_STEPS),
  about("Steps that prepare a value before it is encoded, in their order, in training and in requests."),
);

export type Step = v.InferOutput<typeof step>;
export type DecimalStep = v.InferOutput<typeof decimal>;
export type TimeStep = v.InferOutput<typeof time>;

/** A step's name: the word that it is, or its first key. */
export function stepName(given: Step): string {
  return typeof given === "string" ? given : (Object.keys(given).find((key) => NAMES.has(key)) ?? "");
}

const NAMES = new Set(SETTINGS.map(({ entries }) => Object.keys(entries)[0]));

/** What a value is between two steps, as far as the steps before say. */
type Kind = "any" | "text" | "number";

/**
 * The first step that cannot be where it stands, in a field of that type; null where all can. A date of a numeric field
 * is found at its own step, as no later one makes a number of it.
 */
export function stepProblem(steps: readonly Step[], type: string): { step: number; problem: string } | null {
  let kind: Kind = "any";
  let lists = 0;
  for (const [i, given] of steps.entries()) {
    const name = stepName(given);
    const problem = (text: string): { step: number; problem: string } => ({ step: i, problem: text });
    if ((name === "clip" || name === "log") && type !== "numeric")
      return problem(`got ${name} in a ${type} field, expected it in a numeric one only`);
    if (name === "list") {
      if (type !== "multi-categorical")
        return problem(`got list in a ${type} field, expected it in a multi-categorical one only`);
      if (++lists > 1) return problem("got list twice, expected it once");
      if (kind === "number") return problem("got list after a step that makes a number, expected it before");
      kind = "any";
      continue;
    }
    const isDate = typeof given !== "string" && "time" in given && given.time === "date";
    if (isDate && type === "numeric")
      return problem("got the time's date in a numeric field, expected its hour, weekday, day or month");
    if (name === "decimal" && kind === "number")
      return problem("got decimal after a step that makes a number, expected it before");
    if (TEXT_STEPS.has(name) && kind === "number" && type === "numeric")
      return problem(`got ${name} after a step that makes a number, expected it before`);
    if (name === "decimal" || name === "clip" || name === "log" || (name === "time" && !isDate)) kind = "number";
    else if (name !== "missing") kind = "text";
  }
  return null;
}

/** The steps that are about texts. */
export const TEXT_STEPS: ReadonlySet<string> = new Set([
  ...["trim", "spaces", "lower", "upper", "nfc", "nfkc", "prefix", "capture"],
]);
