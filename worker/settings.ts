import { FormatError, show } from "../format/errors.ts";
import { readTokenEntries, type TokenEntry } from "../format/tokens.ts";
import type { AccessMode } from "./access/caller.ts";
import { SettingError } from "./http/errors.ts";
import { errorText, logError, logWarning } from "./http/log.ts";
import * as limits from "./limits.ts";
import type { KernelModule } from "./models/kernel-modules.ts";
import type { RateLimiter } from "./rows/key-allowance.ts";
import { type KVReader, kvSource } from "./source/kv-source.ts";
import type { Source } from "./source/source.ts";

/** The bindings and variables that an app reads unless its options say otherwise. */
export interface DefaultBindings {
  MODELS: KVReader;
  /** Who may score: "tokens" needs a token of TOKENS, "off" needs none. One of the two settings must be there. */
  AUTH?: string;
  /** A secret: entries of tokens as `deepfm-edge token` prints them, with spaces, commas or line ends between. */
  TOKENS?: string;
  /** Ed25519 public keys, base64 with spaces or commas between. Without any, every model may serve. */
  MODEL_KEYS?: string;
  /** Milliseconds that a request waits for rows; as text where it was set in the dashboard. */
  ROW_DEADLINE_MS?: number | string;
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
}

/** How an app finds in its environment what it needs. */
export interface Settings<Bindings extends object> {
  /** Where models and pages are read from. Default: the KV namespace bound as MODELS. */
  source: (env: Bindings) => Source;
  /** Whether a request needs a token; absent: it does if there are tokens. Default: AUTH. */
  auth: (env: Bindings) => AccessMode | undefined;
  /** Entries of the tokens that have access, as text; none without it. Default: TOKENS. */
  tokens: (env: Bindings) => string | undefined;
  /** Public keys, one of which must have signed a model, as text; without any, every model may. Default: MODEL_KEYS. */
  keys: (env: Bindings) => string | undefined;
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
}

/** The settings as they were found, each checked. */
export interface SettingValues {
  source: Source;
  auth: AccessMode;
  tokens: readonly TokenEntry[];
  keys: string;
  rowDeadlineMs: number;
  rowKeysPerRequest: number;
  rowRateLimit: RateLimiter | null;
  requestRateLimit: RateLimiter | null;
  allowedOrigins: readonly string[];
}

export interface AppOptions<Bindings extends object = DefaultBindings> extends Partial<Settings<Bindings>> {
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

  #tryRead(env: object): SettingValues | SettingError {
    try {
      const values = readSettings(this.#settings, env);
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

function readSettings(settings: Settings<object>, env: object): SettingValues {
  const tokens = readTokenEntries(settings.tokens(env) ?? "", "TOKENS");
  return {
    source: settings.source(env),
    auth: accessMode(settings.auth(env), tokens),
    tokens,
    keys: settings.keys(env) ?? "",
    rowDeadlineMs: numberWithin("rowDeadlineMs", settings.rowDeadlineMs(env), limits.MAX_ROW_DEADLINE_MS),
    rowKeysPerRequest: numberWithin(
      "rowKeysPerRequest",
      settings.rowKeysPerRequest(env),
      limits.MAX_ROW_KEYS_PER_REQUEST,
    ),
    rowRateLimit: settings.rowRateLimit(env),
    requestRateLimit: settings.requestRateLimit(env),
    allowedOrigins: settings.allowedOrigins(env).map(checkOrigin),
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

/** As a browser states it, so that it can be compared. */
function checkOrigin(origin: string): string {
  if (origin === "*" || (URL.canParse(origin) && new URL(origin).origin === origin)) return origin;
  throw new SettingError(`ALLOWED_ORIGINS: got ${show(origin)}, expected origins such as https://example.com, or *`);
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
  rowDeadlineMs = DEFAULT_SETTINGS.rowDeadlineMs,
  rowKeysPerRequest = DEFAULT_SETTINGS.rowKeysPerRequest,
  rowRateLimit = DEFAULT_SETTINGS.rowRateLimit,
  requestRateLimit = DEFAULT_SETTINGS.requestRateLimit,
  allowedOrigins = DEFAULT_SETTINGS.allowedOrigins,
}: AppOptions<Bindings>): Settings<object> {
  const limits = { rowDeadlineMs, rowKeysPerRequest, rowRateLimit, requestRateLimit };
  const settings = { source, auth, tokens, keys, ...limits, allowedOrigins };
  return settings as Settings<object>;
}

/** Reads the default bindings. */
const DEFAULT_SETTINGS: Settings<Partial<DefaultBindings>> = {
  source({ MODELS }) {
    if (!MODELS)
      throw new SettingError("MODELS: got no binding, expected a KV namespace, or createApp's option `source`");
    return kvSource(MODELS);
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
};
