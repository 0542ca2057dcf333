import { FormatError, show } from "../format/errors.ts";
import { parseWith } from "../format/parse.ts";
import { MAX_TIME } from "../format/time.ts";
import { readTokenEntries, type TokenEntry } from "../format/tokens.ts";
import type { AccessMode } from "./access/caller.ts";
import { SettingError } from "./http/errors.ts";
import { errorText, logAs, logError, logWarning } from "./http/log.ts";
import * as limits from "./limits.ts";
import type { AnalyticsDataset } from "./metrics/handled.ts";
import { type AssetFetcher, assetBlob, type BundledBlob } from "./models/bundled.ts";
import type { KernelModule } from "./models/kernel-modules.ts";
import type { RateLimiter } from "./rows/key-allowance.ts";
import { type KVReader, kvSource } from "./source/kv-source.ts";
import { locationCache } from "./source/location-cache.ts";
import type { Source } from "./source/source.ts";
import { type WorkerVersion, WorkerVersionSchema } from "./worker-version.ts";

/** The bindings and variables that an app reads unless its options say otherwise. */
export interface DefaultBindings {
  MODELS: KVReader;
  /** Who may score: "tokens" needs a token of TOKENS, "off" needs none. One of the two settings must be there. */
  AUTH?: string;
  /** A secret: entries of tokens as `deepfm-edge token` prints them, with spaces, commas or line ends between. */
  TOKENS?: string;
  /** Ed25519 public keys, base64 with spaces or commas between. Without any, every model may serve. */
  MODEL_KEYS?: string;
  /** `ads=1767225600000` for each model whose versions signed before that serial number may not serve any more. */
  MODEL_MIN_SERIAL?: string;
  /** Static assets, which may hold a model that was deployed with the Worker (models/bundled.ts). */
  ASSETS?: AssetFetcher;
  /** Milliseconds that a request waits for rows; as text where it was set in the dashboard. */
  ROW_DEADLINE_MS?: number | string;
  /** "on": pages are looked for in the cache of the location first, and put there. */
  PAGE_CACHE?: string;
  /** Keys of rows that a request may read. */
  ROW_KEYS_PER_REQUEST?: number | string;
  /** The rate limit of keys by client. */
  ROW_RATE_LIMIT?: RateLimiter;
  /** The rate limit of scoring requests by client. */
  REQUEST_RATE_LIMIT?: RateLimiter;
  /**
   * Origins whose pages may call the Worker, with spaces or commas between, or "*". Without any, no other origin may.
   */
  ALLOWED_ORIGINS?: string;
  /** "off": the playground is not there. */
  PLAYGROUND?: string;
  /** The version of the Worker: a binding of version metadata. */
  WORKER_VERSION?: WorkerVersion;
  /** A dataset of Workers Analytics Engine, which gets a point for each scoring request. */
  ANALYTICS?: AnalyticsDataset;
}

/** How an app finds in its environment what it needs. */
export interface Settings<Bindings extends object> {
  /** Where models and pages are read from. Default: the KV namespace bound as MODELS, by PAGE_CACHE. */
  source: (env: Bindings) => Source;
  /** Whether a request needs a token; absent: it does if there are tokens. Default: AUTH. */
  auth: (env: Bindings) => AccessMode | undefined;
  /** Entries of the tokens that have access, as text; none without it. Default: TOKENS. */
  tokens: (env: Bindings) => string | undefined;
  /** Public keys, one of which must have signed a model, as text; without any, every model may. Default: MODEL_KEYS. */
  keys: (env: Bindings) => string | undefined;
  /** The least serial numbers of signed models, as text; none without it. Default: MODEL_MIN_SERIAL. */
  minSerials: (env: Bindings) => string | undefined;
  /** The model that was deployed with the Worker; null: none. Default: bundled/model.blob of ASSETS, if any. */
  bundled: (env: Bindings) => BundledBlob | null;
  /** Milliseconds that a request waits for rows. Default: ROW_DEADLINE_MS, or DEFAULT_ROW_DEADLINE_MS. */
  rowDeadlineMs: (env: Bindings) => number;
  /** Keys of rows that a request may read. Default: ROW_KEYS_PER_REQUEST, or DEFAULT_ROW_KEYS_PER_REQUEST. */
  rowKeysPerRequest: (env: Bindings) => number;
  /** Limits the keys that a client may read; null: nothing does. Default: the binding ROW_RATE_LIMIT. */
  rowRateLimit: (env: Bindings) => RateLimiter | null;
  /** Limits the scoring requests of a client; null: nothing does. Default: the binding REQUEST_RATE_LIMIT, if any. */
  requestRateLimit: (env: Bindings) => RateLimiter | null;
  /** Origins whose pages may call the Worker from a browser, or "*". Default: ALLOWED_ORIGINS, or none. */
  allowedOrigins: (env: Bindings) => readonly string[];
  /** Whether GET / is the playground. Default: PLAYGROUND, or true. */
  playground: (env: Bindings) => boolean;
  /** Which version of the Worker runs, for logs and metrics; null: that is not known. Default: WORKER_VERSION. */
  workerVersion: (env: Bindings) => WorkerVersion | null;
  /** Gets a data point for each scoring request; null: nothing does. Default: the binding ANALYTICS, if any. */
  analytics: (env: Bindings) => AnalyticsDataset | null;
}

/** The settings as they were found, each checked. */
export interface SettingValues {
  source: Source;
  auth: AccessMode;
  tokens: readonly TokenEntry[];
  keys: string;
  leastSerials: ReadonlyMap<string, number>;
  bundled: BundledBlob | null;
  rowDeadlineMs: number;
  rowKeysPerRequest: number;
  rowRateLimit: RateLimiter | null;
  requestRateLimit: RateLimiter | null;
  allowedOrigins: readonly string[];
  playground: boolean;
  workerVersion: WorkerVersion | null;
  analytics: AnalyticsDataset | null;
}

export interface AppOptions<Bindings extends object = DefaultBindings>
  extends Partial<Omit<Settings<Bindings>, "playground">> {
  /** Whether GET / is the playground, wherever it runs or by its environment. Default: PLAYGROUND, or true. */
  playground?: boolean | Settings<Bindings>["playground"];
  /** Default: the fastest of the three builds that the engine runs. */
  kernel?: KernelModule;
  /** Bytes of memory for cached rows, at most 32 MiB, which is the default. Models that need it take it from there. */
  cachedRowBytes?: number;
  /** Milliseconds since the epoch. Default: Date.now. */
  now?: () => number;
}

/** The settings of an app, which are read once from an environment: a deployed isolate has one. */
export class SettingsReader {
  readonly #settings: Settings<object>;
  readonly #values = new WeakMap<object, SettingValues | SettingError>();
  /** What the log has already: an application may hand each request an environment of its own. */
  readonly #logged = new Set<string>();

  constructor(settings: Settings<object>) {
    this.#settings = settings;
  }

  /** Throws SettingError, each time, where a setting is missing or wrong. The log has it once. */
  read(env: object): SettingValues {
    let values = this.#values.get(env);
    if (values === undefined) {
      values = this.#tryRead(env);
      this.#values.set(env, values);
    }
    if (values instanceof SettingError) throw values;
    return values;
  }

  /** The settings, or null where they are wrong, which `read` says. */
  readOrNull(env: object): SettingValues | null {
    try {
      return this.read(env);
    } catch {
      return null;
    }
  }

  #tryRead(env: object): SettingValues | SettingError {
    try {
      const workerVersion = readWorkerVersion(this.#settings, env);
      const values = readSettings(this.#settings, env, workerVersion);
      if (values.auth === "off")
        this.#logOnce("auth_off", () => logWarning("auth_off", "anyone may score: AUTH is off"));
      return values;
    } catch (error) {
      this.#logOnce(errorText(error), () => logError("settings_refused", error));
      if (error instanceof SettingError) return error;
      if (error instanceof FormatError) return new SettingError(error.message);
      // What an application's own function throws may quote a secret.
      return new SettingError("the settings cannot be read; the log says why", { cause: error });
    }
  }

  #logOnce(what: string, log: () => void): void {
    if (this.#logged.has(what)) return;
    if (this.#logged.size >= limits.MAX_SETTINGS_LOGGED) this.#logged.clear();
    this.#logged.add(what);
    log();
  }
}

/** First, so that the log says it of all that follows. */
function readWorkerVersion(settings: Settings<object>, env: object): WorkerVersion | null {
  const version = settings.workerVersion(env);
  if (version === null) return null;
  const { id, tag } = parseWith(WorkerVersionSchema, version, "WORKER_VERSION");
  logAs({ id, tag });
  return { id, tag };
}

function readSettings(settings: Settings<object>, env: object, workerVersion: WorkerVersion | null): SettingValues {
  const tokens = readTokenEntries(settings.tokens(env) ?? "", "TOKENS");
  return {
    source: settings.source(env),
    auth: accessMode(settings.auth(env), tokens),
    tokens,
    keys: settings.keys(env) ?? "",
    leastSerials: readLeastSerials(settings.minSerials(env) ?? ""),
    bundled: settings.bundled(env),
    rowDeadlineMs: numberWithin("rowDeadlineMs", settings.rowDeadlineMs(env), limits.MAX_ROW_DEADLINE_MS),
    rowKeysPerRequest: numberWithin(
      "rowKeysPerRequest",
      settings.rowKeysPerRequest(env),
      limits.MAX_ROW_KEYS_PER_REQUEST,
    ),
    rowRateLimit: settings.rowRateLimit(env),
    requestRateLimit: settings.requestRateLimit(env),
    allowedOrigins: settings.allowedOrigins(env).map(checkOrigin),
    playground: settings.playground(env),
    workerVersion,
    analytics: settings.analytics(env),
  };
}

/** Without a decision nobody has access, so that a Worker which was only deployed does not answer everyone. */
function accessMode(mode: string | undefined, tokens: readonly TokenEntry[]): AccessMode {
  if (mode !== undefined && mode !== "off" && mode !== "tokens")
    throw new SettingError('AUTH: got another text, expected "tokens" or "off"');
  if (mode === "off") return mode;
  if (tokens.length === 0)
    throw new SettingError(
      "TOKENS: got none, expected entries as `deepfm-edge token` prints them in this secret; " +
        'or the variable AUTH = "off", with which anyone may score',
    );
  return "tokens";
}

/** By a model's name: the least serial number. */
function readLeastSerials(text: string): ReadonlyMap<string, number> {
  const entries = text.split(/[\s,]+/).filter((entry) => entry !== "");
  return new Map(
    entries.map((entry): [string, number] => {
      const [, model, serial] = /^([a-z0-9][a-z0-9._-]{0,63})=(\d{1,16})$/.exec(entry) ?? [];
      if (model !== undefined && Number(serial) <= MAX_TIME) return [model, Number(serial)];
      throw new SettingError(`MODEL_MIN_SERIAL: got ${show(entry)}, expected entries such as ads=1767225600000`);
    }),
  );
}

/** As a browser states it, so that it can be compared. */
function checkOrigin(origin: string): string {
  if (origin === "*" || (URL.canParse(origin) && new URL(origin).origin === origin)) return origin;
  throw new SettingError(`ALLOWED_ORIGINS: got ${show(origin)}, expected origins such as https://example.com, or *`);
}

/** "on", "off", or "" where nothing is said. Throws SettingError. */
function readSwitch(name: string, text: string): string {
  if (["", "on", "off"].includes(text)) return text;
  throw new SettingError(`${name}: got ${show(text)}, expected "on" or "off"`);
}

/** A whole number in [0, max]. Throws SettingError, which shows no text that is no number. */
function numberWithin(name: string, value: unknown, max: number): number {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number === "number" && Number.isInteger(number) && number >= 0 && number <= max) return number;
  const got = typeof number === "number" && !Number.isNaN(number) ? String(number) : "no number";
  throw new SettingError(`${name}: got ${got}, expected a whole number from 0 to ${max}`);
}

/** The settings of an app with these options. Handlers know no type of bindings. */
export function settingsOf<Bindings extends object>({
  source = DEFAULT_SETTINGS.source,
  auth = DEFAULT_SETTINGS.auth,
  tokens = DEFAULT_SETTINGS.tokens,
  keys = DEFAULT_SETTINGS.keys,
  minSerials = DEFAULT_SETTINGS.minSerials,
  bundled = DEFAULT_SETTINGS.bundled,
  rowDeadlineMs = DEFAULT_SETTINGS.rowDeadlineMs,
  rowKeysPerRequest = DEFAULT_SETTINGS.rowKeysPerRequest,
  rowRateLimit = DEFAULT_SETTINGS.rowRateLimit,
  requestRateLimit = DEFAULT_SETTINGS.requestRateLimit,
  allowedOrigins = DEFAULT_SETTINGS.allowedOrigins,
  playground = DEFAULT_SETTINGS.playground,
  workerVersion = DEFAULT_SETTINGS.workerVersion,
  analytics = DEFAULT_SETTINGS.analytics,
}: AppOptions<Bindings>): Settings<object> {
  const limits = { rowDeadlineMs, rowKeysPerRequest, rowRateLimit, requestRateLimit };
  const shown = typeof playground === "boolean" ? () => playground : playground;
  const watched = { workerVersion, analytics };
  const trust = { keys, minSerials };
  const settings = {
    source,
    bundled,
    auth,
    tokens,
    ...trust,
    ...limits,
    ...watched,
    allowedOrigins,
    playground: shown,
  };
  return settings as Settings<object>;
}

/** Reads the default bindings. */
const DEFAULT_SETTINGS: Settings<Partial<DefaultBindings>> = {
  source({ MODELS, PAGE_CACHE = "" }) {
    if (!MODELS)
      throw new SettingError("MODELS: got no binding, expected a KV namespace, or createApp's option `source`");
    const source = kvSource(MODELS);
    const isCached = readSwitch("PAGE_CACHE", PAGE_CACHE) === "on";
    return isCached ? { ...source, pageCache: locationCache(caches.default) } : source;
  },
  auth({ AUTH }) {
    return AUTH === "" ? undefined : (AUTH as AccessMode | undefined); // checked with those of options
  },
  tokens({ TOKENS }) {
    return TOKENS;
  },
  keys({ MODEL_KEYS }) {
    return MODEL_KEYS;
  },
  minSerials({ MODEL_MIN_SERIAL }) {
    return MODEL_MIN_SERIAL;
  },
  bundled({ ASSETS }) {
    return ASSETS ? assetBlob(ASSETS) : null;
  },
  rowDeadlineMs({ ROW_DEADLINE_MS = limits.DEFAULT_ROW_DEADLINE_MS }) {
    return numberWithin("ROW_DEADLINE_MS", ROW_DEADLINE_MS, limits.MAX_ROW_DEADLINE_MS);
  },
  rowKeysPerRequest({ ROW_KEYS_PER_REQUEST = limits.DEFAULT_ROW_KEYS_PER_REQUEST }) {
    return numberWithin("ROW_KEYS_PER_REQUEST", ROW_KEYS_PER_REQUEST, limits.MAX_ROW_KEYS_PER_REQUEST);
  },
  rowRateLimit({ ROW_RATE_LIMIT = null }) {
    return ROW_RATE_LIMIT;
  },
  requestRateLimit({ REQUEST_RATE_LIMIT = null }) {
    return REQUEST_RATE_LIMIT;
  },
  allowedOrigins({ ALLOWED_ORIGINS = "" }) {
    return ALLOWED_ORIGINS.split(/[\s,]+/).filter((origin) => origin !== "");
  },
  playground({ PLAYGROUND = "" }) {
    return readSwitch("PLAYGROUND", PLAYGROUND) !== "off";
  },
  workerVersion({ WORKER_VERSION = null }) {
    return WORKER_VERSION;
  },
  analytics({ ANALYTICS = null }) {
    return ANALYTICS;
  },
};
