import { DEFAULT_ROW_DEADLINE_MS } from "./limits.ts";
import type { KernelModule } from "./models/kernel-modules.ts";
import { type KVReader, kvSource } from "./source/kv-source.ts";
import type { Source } from "./source/source.ts";

/** The bindings and variables that an app reads unless its options say otherwise. */
export interface DefaultBindings {
  MODELS: KVReader;
  /** Ed25519 public keys, base64 with spaces or commas between. Without any, every model may serve. */
  MODEL_KEYS?: string;
  /** Milliseconds that a request waits for rows; as text where it was set in the dashboard. */
  ROW_DEADLINE_MS?: number | string;
}

/** How an app finds in its environment what it needs. */
export interface Settings<Bindings extends object> {
  /** Where models and pages are read from. Default: the KV namespace bound as MODELS. */
  source: (env: Bindings) => Source;
  /** Public keys, one of which must have signed a model, as text; empty: every model may serve. Default: MODEL_KEYS. */
  keys: (env: Bindings) => string;
  /** Milliseconds that a request waits for rows. Default: ROW_DEADLINE_MS, or DEFAULT_ROW_DEADLINE_MS. */
  rowDeadlineMs: (env: Bindings) => number;
}

export interface AppOptions<Bindings extends object = DefaultBindings> extends Partial<Settings<Bindings>> {
  /** Default: the fastest of the three builds that the engine runs. */
  kernel?: KernelModule;
  /** Milliseconds since the epoch. Default: Date.now. */
  now?: () => number;
}

/** The settings of an app with these options. Handlers know no type of bindings. */
export function settingsOf<Bindings extends object>({
  source = DEFAULT_SETTINGS.source,
  keys = DEFAULT_SETTINGS.keys,
  rowDeadlineMs = DEFAULT_SETTINGS.rowDeadlineMs,
}: AppOptions<Bindings>): Settings<object> {
  return { source, keys, rowDeadlineMs } as Settings<object>;
}

/** Reads the default bindings. */
const DEFAULT_SETTINGS: Settings<Partial<DefaultBindings>> = {
  source({ MODELS }) {
    if (!MODELS) throw new Error("MODELS: got no binding, expected a KV namespace, or createApp's option `source`");
    return kvSource(MODELS);
  },
  keys({ MODEL_KEYS = "" }) {
    return MODEL_KEYS;
  },
  rowDeadlineMs({ ROW_DEADLINE_MS = DEFAULT_ROW_DEADLINE_MS }) {
    const ms = Number(ROW_DEADLINE_MS);
    if (!(ms >= 0)) throw new Error(`ROW_DEADLINE_MS: got ${ROW_DEADLINE_MS}, expected milliseconds`);
    return ms;
  },
};
