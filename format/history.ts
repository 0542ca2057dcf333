import * as v from "valibot";
import { show } from "./errors.ts";
import { parseJson, parseWith } from "./parse.ts";
import { historyKey, VersionSchema } from "./store.ts";
import { TimeSchema } from "./time.ts";

/** Publications of a model that its history has; older ones are forgotten. */
export const MAX_HISTORY = 100;

/** Characters of a publication's note: a few sentences. */
const MAX_NOTE = 500;

/** Bytes of a history at most: 100 publications, each with a note of 500 characters and 16 metrics. */
export const MAX_HISTORY_BYTES = 2 ** 19;

const metrics = v.pipe(
  v.record(v.pipe(v.string(), v.minLength(1), v.maxLength(64)), v.pipe(v.number(), v.finite())),
  v.check((all) => Object.keys(all).length <= 16, "expected at most 16 metrics"),
);

/** A publisher's words. */
export const NoteSchema = v.pipe(
  v.string(),
  v.maxLength(MAX_NOTE),
  v.regex(/^\P{Cc}*$/u, "expected one line of text without control characters"),
);

const PublicationSchema = v.strictObject({
  version: VersionSchema,
  time: TimeSchema,
  metrics,
  bytes: v.pipe(v.number(), v.integer(), v.minValue(0)),
  note: NoteSchema,
});

const HistorySchema = v.pipe(
  v.array(PublicationSchema),
  v.maxLength(MAX_HISTORY),
  v.check(
    (list) => new Set(list.map(({ version }) => version)).size === list.length,
    ({ input }) => `got ${input.length} publications with a version twice, expected each version once`,
  ),
);

/**
 * A version of a model that was published. `time`: when, in milliseconds since the epoch. `metrics`: what its export
 * measured on held-out records, such as `auc`, and nothing where there was none. `bytes`: of its blob. `note`: its
 * publisher's words, or "".
 */
export type Publication = v.InferOutput<typeof PublicationSchema>;

/** What has been published of a model, the newest first, each version once. */
export type History = readonly Publication[];

/** The text of a history. */
export function writeHistory(history: History): string {
  return JSON.stringify(parseWith(HistorySchema, [...history], "history"));
}

/** Reads the text of the history of `model`. Throws FormatError that names its key where it is none. */
export function readHistory(text: string, model: string): History {
  const key = historyKey(model);
  return parseWith(HistorySchema, parseJson(text, key), key);
}

/**
 * A history with one more publication. Where it has the version already, that one moves to the front. Of more than
 * MAX_HISTORY the oldest goes, but one of `kept` only where all others are of these too.
 */
export function withPublication(
  history: History,
  publication: Publication,
  kept: ReadonlySet<string> = new Set(),
): History {
  const others = history.filter(({ version }) => version !== publication.version);
  if (others.length < MAX_HISTORY) return [publication, ...others];
  const oldest = others.findLastIndex(({ version }) => !kept.has(version));
  return [publication, ...others.toSpliced(oldest, 1)]; // at -1, the last one
}

/**
 * The version of a history that a text names: a whole version, or the beginning of one alone, of at least 8 hex digits.
 * Returns what is wrong with it where there is no such version.
 */
export function findVersion(history: History, text: string): { version: string } | { problem: string } {
  if (!/^[0-9a-f]{8,64}$/.test(text))
    return { problem: `got ${show(text)}, expected a version, or at least 8 of its lower-case hex digits` };
  const found = history.filter(({ version }) => version.startsWith(text));
  const [only] = found;
  if (only && found.length === 1) return { version: only.version };
  const many = found.length === 0 ? "no version" : `${found.length} versions`;
  return { problem: `got ${show(text)}, which is ${many} of its history, expected one` };
}
