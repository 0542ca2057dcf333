import { EVENT_TYPES, EVENT_VERSION, MAX_EVENT_VALUE } from "../../../format/event.ts";
import { BUCKETS, EXPOSURE_VERSION, MIN_SHARE } from "../../../format/exposure.ts";
import { MAX_LOG_TIME } from "../../../format/time.ts";
import { literal } from "../../../trainer/data/sql.ts";

// What a line must be so that it counts, as SQL over its members, which are JSON or NULL. These are the members that
// every analysis uses. The whole schema is asked of the lines whose order is replayed or judged off-policy, and of bad
// lines, to say what is wrong with them.

/** A member of a line. */
interface Member {
  name: string;
  optional?: boolean;
  /** SQL that is true of a good one, by the SQL of the member. */
  good: (member: string) => string;
  /** SQL of what its column holds, by the SQL of the member. Without it, the member is only checked. */
  column?: (member: string) => string;
}

type Sql = Member["good"];

const text: Sql = (member) => `(${member} ->> '$')`;
const number: Sql = (member) => `TRY_CAST(${member} AS DOUBLE)`;
const integer: Sql = (member) => `TRY_CAST(${member} AS BIGINT)`;
const present: Sql = (member) => `${member} IS NOT NULL`;
const isText = typeIn("VARCHAR");
const isArray = typeIn("ARRAY");
const isNumber = typeIn("UBIGINT", "BIGINT", "DOUBLE", "HUGEINT", "UHUGEINT");
const isTime = upTo(MAX_LOG_TIME);

/** JSON's types as DuckDB names them. */
function typeIn(...types: string[]): Sql {
  return (member) => `json_type(${member}) IN (${types.map(literal).join(", ")})`;
}

function between(least: number, most: number): Sql {
  return (member) => `${isNumber(member)} AND ${number(member)} BETWEEN ${least} AND ${most}`;
}

/** Whole numbers from 0 on. 5.0 and 5e0 are such, too. */
function upTo(most: number): Sql {
  return (member) => `${between(0, most)(member)} AND ${number(member)} = floor(${number(member)})`;
}

function matching(pattern: string): Sql {
  return (member) => `${isText(member)} AND regexp_full_match(${text(member)}, ${literal(pattern)})`;
}

function upToCharacters(most: number): Sql {
  return (member) => `${isText(member)} AND length(${text(member)}) BETWEEN 1 AND ${most}`;
}

function oneOf(...texts: readonly string[]): Sql {
  return (member) => `${isText(member)} AND ${text(member)} IN (${texts.map(literal).join(", ")})`;
}

const ID: Member = { name: "id", good: matching("[A-Za-z0-9_-]{30}"), column: text };
const TIME: Member = { name: "t", good: isTime, column: integer };

export const EXPOSURE_MEMBERS: readonly Member[] = [
  ID,
  TIME,
  { name: "x", good: upToCharacters(128), column: text },
  { name: "phase", good: matching("[0-9a-f]{8}"), column: text },
  { name: "arm", good: upToCharacters(64), column: text },
  { name: "b", good: upTo(BUCKETS - 1), column: integer },
  { name: "u", good: matching("[0-9a-f]{16}"), column: text },
  { name: "list", good: upToCharacters(128), column: text },
  { name: "model", optional: true, good: isText, column: text },
  { name: "worker", optional: true, good: isText, column: text },
  // The origin's order has none: null, which is as if it were absent here.
  { name: "policy", optional: true, good: typeIn("OBJECT"), column: (member) => `CAST(${member} AS VARCHAR)` },
  { name: "cand", good: isArray },
  { name: "shown", good: isArray },
  { name: "p", good: isText },
  { name: "logits", optional: true, good: isText },
  { name: "team", optional: true, good: isText },
  { name: "served", good: oneOf("arm", "origin"), column: text },
  { name: "why", optional: true, good: isText, column: text },
  { name: "deg", optional: true, good: typeIn("OBJECT"), column: present },
  { name: "keep", good: between(MIN_SHARE, 1), column: number },
  { name: "flags", optional: true, good: isText, column: text },
  { name: "shadow", optional: true, good: typeIn("OBJECT"), column: (member) => `(${member} ->> '$.model')` },
];

export const EVENT_MEMBERS: readonly Member[] = [
  ID,
  TIME,
  { name: "type", good: oneOf(...EVENT_TYPES), column: text },
  { name: "item", good: upToCharacters(1024), column: text },
  { name: "received", good: isTime, column: integer },
  { name: "value", optional: true, good: between(-MAX_EVENT_VALUE, MAX_EVENT_VALUE), column: number },
  { name: "key", optional: true, good: upToCharacters(64), column: text },
];

/** Members that are objects, whose own members some analysis reads. */
const OBJECTS = ["policy", "deg", "shadow", "ctx"];

/** What DuckDB reads and JSON has not: NaN, infinities and a comma behind the last of a list. RE2's syntax. */
const NOT_JSON = String.raw`(?i)[\[:,]\s*-?(nan|inf)|,\s*[\]}]`;
const STRINGS = String.raw`"([^"\\]|\\.)*"`;

/** SQL that is true of a line that DuckDB reads, and that is no JSON. */
export function isNotJson(line: string): string {
  const has = (text: string): string => `regexp_matches(${text}, ${literal(NOT_JSON)})`;
  // Texts may look like it. They are taken out of the few lines that do.
  return `CASE WHEN ${has(line)} THEN ${has(`regexp_replace(${line}, ${literal(STRINGS)}, '""', 'g')`)} ELSE false END`;
}

/**
 * SQL that is true of a line with a key twice, itself or in an object whose members are read. Which of the values
 * counts would be up to the reader: DuckDB takes the first, JSON.parse the last.
 */
export function hasKeyTwice(line: string): string {
  const twice = (object: string): string =>
    `coalesce(list_unique(json_keys(${object})) < len(json_keys(${object})), false)`;
  return [line, ...OBJECTS.map(at)].map(twice).join(" OR ");
}

/** The members that either kind of line may have. */
export const MEMBER_NAMES: readonly string[] = [
  ...new Set(["v", "ctx", ...[...EXPOSURE_MEMBERS, ...EVENT_MEMBERS].map(({ name }) => name)]),
];

/** SQL that is true of an event's line, and not of an exposure's. */
export const IS_EVENT = `${at("type")} IS NOT NULL`;

/** SQL of what is wrong with a line: the first member that is. NULL where nothing is. */
export function problemSql(kind: "exposure" | "event"): string {
  const [members, version] =
    kind === "exposure" ? [EXPOSURE_MEMBERS, EXPOSURE_VERSION] : [EVENT_MEMBERS, EVENT_VERSION];
  const cases = members.map(({ name, optional, good }) => {
    const right = `coalesce(${good(at(name))}, false)`;
    const wrong = optional ? `${at(name)} IS NOT NULL AND NOT (${right})` : `NOT (${right})`;
    return `WHEN ${wrong} THEN ${literal(name)}`;
  });
  const isVersion = `coalesce(${isNumber(at("v"))} AND ${number(at("v"))} = ${version}, false)`;
  // checkValue of format/event.ts
  if (kind === "event") cases.push(`WHEN ${text(at("type"))} = 'revenue' AND ${at("value")} IS NULL THEN 'value'`);
  return `CASE WHEN NOT ${isVersion} THEN 'v' ${cases.join(" ")} END`;
}

/** SQL of the columns of good lines. */
export function columnsSql(members: readonly Member[]): string {
  return members
    .filter(({ column }) => column !== undefined)
    .map(({ name, column }) => `${column?.(at(name))} AS "${name}"`)
    .join(", ");
}

function at(name: string): string {
  return `members."${name}"`;
}
