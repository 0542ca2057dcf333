import { columnOf } from "../../format/columns.ts";
import { FormatError } from "../../format/errors.ts";
import type { FittedField, FittedSpec } from "../../format/fitted-spec.ts";
import type { FeatureField, FeatureSpec } from "../../format/spec.ts";
import type { ClickLog } from "./click-log.ts";
import { knotsForLog } from "./default-settings.ts";
import { placeKnots } from "./knots.ts";
import { noRows } from "./logs.ts";

/**
 * Fits what a feature spec leaves to the data: the boundaries of quantiles, the knots of splines, the mean and
 * deviation of standardized values. `hashKey`: what row keys are to be hashed with.
 */
export async function fitSpec(spec: FeatureSpec, log: ClickLog, hashKey: string): Promise<FittedSpec> {
  const fields: FittedField[] = [];
  const knots = spec.fields.some(hasOpenKnots) ? await defaultKnots(spec.label, log) : 0;
  for (const field of spec.fields) fields.push(await fitField(field, log, knots));
  return { name: spec.name, label: spec.label, hashKey, fields };
}

function hasOpenKnots({ encoding }: FeatureField): boolean {
  return encoding.kind === "spline" && encoding.knots === undefined;
}

/** How many knots splines have that state no number. */
async function defaultKnots(label: string, log: ClickLog): Promise<number> {
  await using labels = await log.histogram({ name: label, type: "numeric" });
  const counts: number[] = [];
  // In a log of positives alone, whose negatives are sampled, there is one label only.
  for await (const { count } of labels.values()) counts.push(count);
  return knotsForLog(Math.min(...counts));
}

async function fitField(field: FeatureField, log: ClickLog, knots: number): Promise<FittedField> {
  const { store, servedAs, encoding, ...rest } = field;
  const kv = store !== "blob"; // the export will know which rows really go there
  if (rest.type === "numeric") return { ...rest, kv, encoding: await fitNumeric(field, log, knots) } as FittedField;
  const { kind } = encoding;
  return { ...rest, kv, encoding: kind === "hash" ? { kind, buckets: encoding.buckets } : { kind } } as FittedField;
}

/** A standard deviation below this share of the mean is a rounding error. */
const CONSTANT = 1e-12;

type NumericEncoding = Extract<FittedField, { type: "numeric" }>["encoding"];

/** `knots`: those of a spline that states no number. */
async function fitNumeric(field: FeatureField, log: ClickLog, knots: number): Promise<NumericEncoding> {
  const { encoding } = field;
  switch (encoding.kind) {
    case "log2":
      return { kind: "log2" };
    case "boundaries":
      return encoding;
    case "quantiles": {
      const boundaries = [...new Set(await quantiles(log, field, encoding.count))];
      if (boundaries.length === 0) await refuseColumn(log, field, "its quantiles");
      return { kind: "boundaries", boundaries };
    }
    case "spline": {
      await using histogram = await log.histogram(field);
      if (histogram.total === 0) await refuseColumn(log, field, "its knots");
      return { kind: "spline", knots: await placeKnots(histogram, encoding.knots ?? knots) };
    }
    case "value": {
      if (encoding.scale === "none") return { kind: "value", shift: 0, factor: 1 };
      const aggregates = ["avg(x)", "stddev_pop(x)", "min(x)"];
      const [mean = Number.NaN, deviation = Number.NaN, least = mean] = await log.aggregate(field, aggregates);
      if (!Number.isFinite(mean)) await refuseColumn(log, field, "its mean");
      // Neither the deviation of a constant column need come out as 0 nor its mean as the constant, and any other value
      // must not be divided by what is left.
      const varies = deviation > CONSTANT * Math.abs(mean) && Number.isFinite(1 / deviation);
      return varies
        ? { kind: "value", shift: mean, factor: 1 / deviation }
        : { kind: "value", shift: least, factor: 1 };
    }
    default:
      throw new Error(`a ${encoding.kind} encoding is not numeric`);
  }
}

/** Throws FormatError for a column without numbers: one that names a value in their place, where there is one. */
async function refuseColumn(log: ClickLog, field: FeatureField, purpose: string): Promise<never> {
  await log.requireNumbers(field);
  if ((await log.sources()).length === 0) throw noRows(log.path, log.options.part);
  throw new FormatError(log.path, `got no number in column "${columnOf(field)}", expected some for ${purpose}`);
}

/**
 * The `count` − 1 numbers that cut a column into `count` parts, interpolated between neighbors (type 7 of R's
 * quantile).
 */
async function quantiles(log: ClickLog, field: FeatureField, count: number): Promise<number[]> {
  await using histogram = await log.histogram(field);
  const { total } = histogram;
  if (total === 0) return [];
  const ranks = Array.from({ length: count - 1 }, (_, i) => ((i + 1) / count) * (total - 1));
  const found: number[] = [];
  let before = 0; // how many values are below this one
  let last = Number.NaN;
  for await (const { value, count: times } of histogram.values()) {
    while (found.length < ranks.length && ranks[found.length] <= before + times - 1) {
      const rank = ranks[found.length];
      found.push(rank < before ? last + (rank - before + 1) * (value - last) : value);
    }
    before += times;
    last = value;
  }
  return found;
}
