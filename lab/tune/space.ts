import * as v from "valibot";
import { namedValues } from "../../format/named-values.ts";
import { parseSettings } from "../../format/unknown-key.ts";
import { parseWrittenJson } from "../../format/written-json.ts";
import type { Random } from "../../trainer/data/random.ts";
import type { SettingOverrides } from "../sweeps/settings.ts";

// The search space of `tune`: the values that each setting of a feature spec, named by its dotted path, is drawn from.
// `search-space.schema.json` is generated from this schema.

const about = v.description;
const finite = v.pipe(v.number(), v.finite());
const positive = v.pipe(finite, v.gtValue(0));
function ascending<Range extends { low: number; high: number }>() {
  return v.check<Range, (issue: v.CheckIssue<Range>) => string>(
    ({ low, high }) => low < high,
    ({ input }) => `got low ${input.low} and high ${input.high}, expected low < high`,
  );
}

function lowest<Number extends v.GenericSchema<number>>(number: Number) {
  return v.pipe(number, about("The lowest that may be drawn."));
}
function highest<Number extends v.GenericSchema<number>>(number: Number) {
  return v.pipe(number, about("The highest that may be drawn."));
}

const choice = v.pipe(
  v.strictObject({
    type: v.literal("choice"),
    values: v.pipe(v.array(v.unknown()), v.minLength(1), about("What is chosen from.")),
  }),
  about("One of these values, of any kind: [[400, 400], [200]] for model.hidden."),
);
const uniform = v.pipe(
  v.strictObject({ type: v.literal("uniform"), low: lowest(finite), high: highest(finite) }),
  ascending(),
  about("A number between low and high."),
);
const logUniform = v.pipe(
  v.strictObject({ type: v.literal("log-uniform"), low: lowest(positive), high: highest(positive) }),
  ascending(),
  about("A number between low and high whose logarithm is uniform: for rates and regularization."),
);
const integer = v.pipe(
  v.strictObject({
    type: v.literal("integer"),
    low: lowest(v.pipe(v.number(), v.integer())),
    high: highest(v.pipe(v.number(), v.integer())),
  }),
  ascending(),
  about("An integer from low to high, both included."),
);

export const SearchSpaceSchema = v.strictObject({
  $schema: v.pipe(v.optional(v.string()), about("For editors: where the JSON Schema is.")),
  parameters: v.pipe(
    namedValues(v.pipe(v.string(), v.minLength(1)), v.variant("type", [choice, uniform, logUniform, integer])),
    v.check((parameters) => Object.keys(parameters).length > 0, "expected at least one path"),
    about(
      "By dotted path of the feature spec, a field under its name: training.learningRate, " +
        "fields.user.encoding.minCount.",
    ),
  ),
});

export type SearchSpace = v.InferOutput<typeof SearchSpaceSchema>;
type Range = SearchSpace["parameters"][string];

/** Parses the JSON text of a search space. */
export function parseSearchSpace(text: string, source: string): SearchSpace {
  return parseSettings(SearchSpaceSchema, parseWrittenJson(text, source), source);
}

/** Draws a value for each path, independently of the others. */
export function draw({ parameters }: SearchSpace, random: Random): SettingOverrides {
  return Object.fromEntries(Object.entries(parameters).map(([path, range]) => [path, drawValue(range, random)]));
}

/** Significant digits of a drawn number: more would change nothing, and make a spec hard to read. */
const DIGITS = 4;

function drawValue(range: Range, random: Random): unknown {
  switch (range.type) {
    case "choice":
      return range.values[random.integer(range.values.length)];
    case "integer":
      return range.low + random.integer(range.high - range.low + 1);
    case "uniform":
      return rounded(range.low + (range.high - range.low) * random.uniform(), range);
    case "log-uniform": {
      const [low, high] = [Math.log(range.low), Math.log(range.high)];
      return rounded(Math.exp(low + (high - low) * random.uniform()), range);
    }
  }
}

function rounded(x: number, { low, high }: { low: number; high: number }): number {
  return Math.min(high, Math.max(low, Number(x.toPrecision(DIGITS))));
}
