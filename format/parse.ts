import type * as v from "valibot";
import { safeParse } from "valibot";
import { FormatError, show } from "./errors.ts";
import { jsonProblem, placeIn } from "./json-problem.ts";

/** Parses JSON text. Throws FormatError that names `source`, with line and column, where the text is not JSON. */
export function parseJson(text: string, source: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FormatError(source, `not JSON: ${jsonProblem(text) ?? (error as Error).message}`);
  }
}

/**
 * Parses JSON in UTF-8, without a byte order mark. Throws FormatError that names `source` where the bytes are anything
 * else.
 */
export function parseJsonBytes(bytes: Uint8Array, source: string): unknown {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new FormatError(source, `not JSON: got bytes that are not UTF-8 ${badBytes(bytes)}`);
  }
  return parseJson(text, source);
}

/** Where bytes stop being UTF-8. */
function badBytes(bytes: Uint8Array): string {
  // Stands for what cannot be decoded. Where the text has it too, before that, the place is that of the first.
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  return `at ${placeIn(text, text.indexOf("\uFFFD"))}`;
}

/**
 * Checks `input` against `schema`. Throws FormatError that names the place inside `source`, what was got and what was
 * expected.
 */
export function parseWith<Schema extends v.GenericSchema>(
  schema: Schema,
  input: unknown,
  source: string,
): v.InferOutput<Schema> {
  const result = safeParse(schema, input, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new FormatError(`${source}${issuePath(issue)}`, issueText(issue));
}

/**
 * All that is wrong with `input`, an error for each place, as `parseWith` would say it at the first. `members`: those
 * that an object may have, where valibot names the first unknown one alone.
 */
export function faultsWith(schema: v.GenericSchema, input: unknown, source: string, members: object): FormatError[] {
  const { issues = [] } = safeParse(schema, input, { abortPipeEarly: true });
  const known = (issue: v.BaseIssue<unknown>): boolean => issueText(issue) !== UNKNOWN_KEY;
  const faults = issues.filter(known).map((issue) => new FormatError(`${source}${issuePath(issue)}`, issueText(issue)));
  if (typeof input !== "object" || input === null || Array.isArray(input)) return faults;
  const unknown = Object.keys(input).filter((key) => !Object.hasOwn(members, key));
  return [...faults, ...unknown.map((key) => new FormatError(`${source}: ${key}`, UNKNOWN_KEY))];
}

const UNKNOWN_KEY = "unknown key";

function issuePath(issue: v.BaseIssue<unknown>): string {
  let path = "";
  for (const { key } of issue.path ?? [])
    path += typeof key === "number" ? `[${key}]` : `${path ? "." : ": "}${String(key)}`;
  return path;
}

function issueText(issue: v.BaseIssue<unknown>): string {
  if (issue.kind === "schema" && issue.type === "strict_object" && issue.expected === "never") return UNKNOWN_KEY;
  if (issue.kind === "schema" && issue.received === "undefined") return `missing, expected ${issue.expected}`;
  // The messages of our own schemas begin with "got" or "expected", those of valibot with "Invalid".
  if (issue.message.startsWith("got ")) return issue.message;
  if (issue.message.startsWith("expected ")) return `got ${show(issue.input)}, ${issue.message}`;
  if (issue.type === "min_length" || issue.type === "max_length")
    return `got length ${issue.received}, expected ${issue.expected}`;
  const expected = issue.expected ?? (issue.type === "integer" ? "an integer" : "a finite number");
  return `got ${show(issue.input)}, expected ${expected}`;
}
