import { FormatError, show } from "../format/errors.ts";

// GrowthBook's conditions. Its library lets nobody in where it does not know an operator, or cannot read what an
// operator is compared with, and says so to nobody; so it is said where a condition is written.

/** What the library compares an attribute with, in conditions without saved groups, which our payloads have not. */
const SCALARS = ["$eq", "$ne", "$lt", "$lte", "$gt", "$gte", "$exists", "$type"];
const VERSIONS = ["$veq", "$vne", "$vlt", "$vlte", "$vgt", "$vgte"];
const LISTS = ["$in", "$ini", "$nin", "$nini", "$all", "$alli"];
const PATTERNS = ["$regex", "$regexi"];
const NESTED = ["$not", "$size", "$elemMatch"];
const OPERATORS = [...SCALARS, ...VERSIONS, ...LISTS, ...PATTERNS, ...NESTED];

const LOGICAL = ["$and", "$or", "$nor", "$not"];

/** Conditions within one another. The library, which calls itself, ends the stack of a Worker at some thousand. */
const MAX_DEPTH = 32;

/** Throws FormatError, which names the place in `source`, where the library would make nothing of a condition. */
export function checkCondition(condition: unknown, source: string, depth = 0): void {
  for (const [key, value] of membersOf(condition, source, depth)) {
    const place = `${source}: ${key}`;
    if (key === "$not") checkCondition(value, place, depth + 1);
    else if (LOGICAL.includes(key))
      for (const [i, each] of listOf(value, place).entries()) checkCondition(each, `${place}[${i}]`, depth + 1);
    else if (key.startsWith("$")) throw unknown(source, key, LOGICAL);
    else checkValue(value, place, depth + 1);
  }
}

/** What an attribute, its length or one of its elements is compared with: operators, or a value that it must equal. */
function checkValue(value: unknown, source: string, depth: number): void {
  if (!hasOperators(value)) return;
  for (const [operator, operand] of membersOf(value, source, depth)) {
    const place = `${source}: ${operator}`;
    if (!OPERATORS.includes(operator)) throw unknown(source, operator, OPERATORS);
    if (LISTS.includes(operator)) listOf(operand, place);
    else if (PATTERNS.includes(operator)) checkPattern(operand, place);
    else if (operator === "$elemMatch" && !hasOperators(operand)) checkCondition(operand, place, depth + 1);
    else if (NESTED.includes(operator)) checkValue(operand, place, depth + 1);
  }
}

function hasOperators(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).some((key) => key.startsWith("$"));
}

function membersOf(value: unknown, source: string, depth: number): [string, unknown][] {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new FormatError(source, `got ${show(value)}, expected an object such as {"country": "de"}`);
  if (depth > MAX_DEPTH)
    throw new FormatError(source.slice(0, 80), `got more than ${MAX_DEPTH} conditions within one another`);
  return Object.entries(value);
}

function listOf(value: unknown, source: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new FormatError(source, `got ${show(value)}, expected a list`);
  return value;
}

function checkPattern(value: unknown, source: string): void {
  try {
    if (typeof value === "string") return void new RegExp(value);
  } catch {}
  throw new FormatError(source, `got ${show(value)}, expected a regular expression`);
}

function unknown(source: string, operator: string, known: readonly string[]): FormatError {
  return new FormatError(source, `got the operator ${operator}, expected one of ${known.join(", ")}`);
}
