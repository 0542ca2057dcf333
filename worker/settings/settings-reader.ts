import { FormatError, show } from "../../format/errors.ts";
import { parseWith } from "../../format/parse.ts";
import { MAX_TIME } from "../../format/time.ts";
import { readTokenEntries, type TokenEntry } from "../../format/tokens.ts";
import type { AccessMode } from "../access/caller.ts";
import { readExperimentValues } from "../experiments/experiment-values.ts";
import { SettingError } from "../http/errors.ts";
import { errorText, logAs, logError, logWarning } from "../http/log.ts";
import * as limits from "../limits.ts";
import { type WorkerVersion, WorkerVersionSchema } from "../worker-version.ts";
import { numberWithin } from "./checks.ts";
import { oncePerEnvironment } from "./once-per-environment.ts";
import type { Settings, SettingValues } from "./settings.ts";

/** The settings of an app, which are read once from an environment: a deployed isolate has one. */
export class SettingsReader {
  readonly #settings: Settings<object>;
  readonly #values = oncePerEnvironment((env: object) => this.#tryRead(env));
  /** What the log has already: an application may hand each request an environment of its own. */
  readonly #logged = new Set<string>();

  constructor(settings: Settings<object>) {
    this.#settings = settings;
  }

  /** Throws SettingError, each time, where a setting is missing or wrong. The log has it once. */
  read(env: object): SettingValues {
    const values = this.#values(env);
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
    experiments: readExperimentValues(settings.experiments(env)),
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
