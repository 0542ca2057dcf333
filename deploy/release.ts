import type { Evidence } from "../format/blob.ts";
import { FormatError } from "../format/errors.ts";
import { modelName } from "../format/field-schemas.ts";
import {
  MAX_HISTORY,
  NoteSchema,
  type Publication as PublishedVersion,
  withPublication,
  writeHistory,
} from "../format/history.ts";
import { parseWith } from "../format/parse.ts";
import { type ModelPointer, writeDefault, writePointer } from "../format/pointer.ts";
import { defaultKey, historyKey, pointerKey } from "../format/store.ts";
import { UserError } from "../trainer/errors.ts";
import { chosenOf, ReportSchema } from "../trainer/export/report.ts";
import type { KvPair } from "./kv/kv-store.ts";
import type { EarlierModel, ModelRegistry } from "./registry.ts";

/** How a version is published. */
export interface ReleaseOptions {
  /** The model's name in the store. Default: the export's. */
  model?: string;
  /** A publisher's words, for the history. Default: those that it has of the version. */
  note?: string;
  /** Whether the pointer moves to it. Default: true. */
  switches?: boolean;
  /** Whether the model becomes the default one. The first model of a store does anyway. */
  becomesDefault?: boolean;
  /**
   * Milliseconds that the model's requests wait for rows; null: as the Worker's setting is. Default: as the model's
   * pointer says.
   */
  deadline?: number | null;
}

/** A version that is to be published. */
export interface ReleasedVersion {
  /** The export's name of the model. */
  name: string;
  version: string;
  isSigned: boolean;
  /** The serial number of its signature, or 0. */
  serial: number;
  bytes: number;
  evidence: Evidence;
}

/** The small values that make a version known, in the order in which they are to be written. */
export interface Release {
  model: string;
  writes: readonly KvPair[];
  /** The version that the model is pinned to, so that the pointer does not move; null where it is not. */
  pinnedTo: string | null;
  /** The model that requests get which name none, once all is written; null: there is none. */
  byDefault: string | null;
}

/**
 * Finds what is to be written once a version's blob, pages and manifest are stored: its history, its pointer, and the
 * default. Reads what is there, and throws FormatError where that is damaged, and UserError where the options do not
 * fit it, before anything is written. With `mend`, what is damaged is written anew, and `mend` is told of it.
 */
export async function planRelease(
  registry: ModelRegistry,
  { name, version, isSigned, serial, bytes, evidence }: ReleasedVersion,
  { model = name, note: words, switches = true, becomesDefault = false, deadline }: ReleaseOptions,
  mend: ((what: string) => void) | null = null,
): Promise<Release> {
  parseWith(modelName, model, "--model");
  if (words !== undefined) parseWith(NoteSchema, words, "--note");
  if (deadline !== undefined && !switches)
    throw new UserError("--deadline: got --no-switch too, expected one of the two: it is the pointer's, which stays");
  if (isSigned && model !== name)
    throw new UserError(`--model: got ${model}, expected ${name}: the export is signed under that name`);
  const byDefault = await unlessDamaged(
    () => registry.default(),
    becomesDefault ? mend : null,
    () => null,
    "`publish --repair --default`",
  );
  const earlier = byDefault === null ? await registry.earlier() : null;
  const own = await unlessDamaged(
    () => registry.pointer(model),
    switches ? mend : null,
    () => null,
    switches ? "`publish --repair`" : "`publish --repair` without --no-switch",
  );
  const pointer = own ?? (earlier?.model === model ? pointerOf(earlier.version) : null);
  if (becomesDefault && !switches && pointer === null)
    throw new UserError(`--default: got --no-switch for ${model}, of which no version serves, expected one of the two`);

  const since = registry.timeAfter(pointer);
  // A pointer of a clock that was ahead must be followed by a later one; when this was published it does not say.
  const time = registry.timeAfter(null);
  const before = await unlessDamaged(
    () => registry.history(model),
    mend,
    async () => (await registry.historyAnew(model, pointer, time)).filter((one) => one.version !== version),
    "`publish --repair`",
  );
  // Without words for it, such as for a repair, what was said of the version before still holds.
  const note = words ?? before.find((one) => one.version === version)?.note ?? "";
  const publication: PublishedVersion = { version, time, metrics: metricsOf(evidence), bytes, note };
  // A Worker serves a version that a request names only where the history, or the pointer, has it.
  const kept = before.length < MAX_HISTORY ? undefined : await registry.inUse(pointer, mend !== null);
  const history = withPublication(before, publication, kept);
  const writes: KvPair[] = [{ key: historyKey(model), value: writeHistory(history) }];
  const pinnedTo = pointer?.pinned ? pointer.version : null;
  const moves = switches && pinnedTo === null;
  if (moves && pointer) await checkSerial(registry, model, pointer, { version, serial });
  if (moves) writes.push(...pointerWrites(model, pointer, { version, since, deadline }));
  if (!moves && !becomesDefault) return { model, writes, pinnedTo, byDefault: byDefault ?? earlier?.model ?? null };
  if (earlier && !(moves && earlier.model === model)) writes.push(...(await migrationWrites(registry, earlier)));
  if (byDefault !== null && !becomesDefault) return { model, writes, pinnedTo, byDefault };
  const named = becomesDefault ? model : (earlier?.model ?? model);
  writes.push({ key: defaultKey(), value: writeDefault(named) });
  return { model, writes, pinnedTo, byDefault: named };
}

/**
 * Throws UserError where Workers with keys would go on with the version that serves, as that was signed later, and new
 * isolates have none. What its blob claims is enough for that: no Worker goes by it.
 */
async function checkSerial(
  registry: ModelRegistry,
  model: string,
  pointer: ModelPointer,
  { version, serial }: Pick<ReleasedVersion, "version" | "serial">,
): Promise<void> {
  if (pointer.version === version) return;
  const serving = await registry.serialOf(pointer);
  if (serial >= serving) return;
  if (serial === 0)
    throw new UserError(
      `${model}: got an export that is not signed, expected one that is, as version ${pointer.version} is, which ` +
        "serves: Workers with MODEL_KEYS would refuse it. Sign it with `sign`, or publish it with --no-switch; where " +
        "no Worker has keys any more, `rollback` then goes to it",
    );
  throw new UserError(
    `${model}: got an export with the serial number ${serial}, expected ${serving} or later as of version ` +
      `${pointer.version}, which serves: Workers with MODEL_KEYS would refuse it. Sign it again with \`sign\`, ` +
      "or publish it with --no-switch; going back to a published version takes `rollback` with --key",
  );
}

/** What `read` gives, or where that is damaged and may be mended, `anew`. */
async function unlessDamaged<T>(
  read: () => Promise<T>,
  mend: ((what: string) => void) | null,
  anew: () => T | Promise<T>,
  hint: string,
): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    if (mend === null) throw new FormatError(error.place, `${error.problem}; ${hint} writes it anew`);
    mend(`${error.message}; it is written anew`);
    return anew();
  }
}

/** The pointer, unless it says the same already. */
function pointerWrites(
  model: string,
  before: ModelPointer | null,
  { version, since, ...asked }: { version: string; since: number; deadline: number | null | undefined },
): KvPair[] {
  const deadline = asked.deadline === undefined ? before?.deadline : (asked.deadline ?? undefined);
  if (before && before.since > 0 && before.version === version && before.deadline === deadline) return [];
  const previous = before?.version === version ? before.previous : (before?.version ?? null);
  const pointer: ModelPointer = {
    ...{ version, since, previous, ...(deadline !== undefined && { deadline }) },
    ...(before?.signed && before.version === version && { signed: before.signed }),
  };
  return [{ key: pointerKey(model), value: writePointer(pointer) }];
}

/** A pointer of its own for the model that a store of earlier publishers has, which stays the default one. */
async function migrationWrites(registry: ModelRegistry, { model, version }: EarlierModel): Promise<KvPair[]> {
  if ((await registry.pointer(model)) !== null) return [];
  const pointer = { ...pointerOf(version), since: registry.timeAfter(null) };
  return [{ key: pointerKey(model), value: writePointer(pointer) }];
}

/** What an earlier publisher's pointer says, as a pointer that every other is newer than. */
function pointerOf(version: string): ModelPointer {
  return { version, since: 0, previous: null };
}

/** What the export measured of the served model; nothing where its evidence is of another kind. */
function metricsOf({ quantization }: Evidence): Record<string, number> {
  if (quantization === undefined) return {};
  try {
    const { auc, logloss } = chosenOf(parseWith(ReportSchema, quantization, "evidence")).served;
    return { ...(auc !== null && { auc }), ...(logloss !== null && { logloss }) };
  } catch (error) {
    if (error instanceof FormatError || error instanceof TypeError) return {};
    throw error;
  }
}
