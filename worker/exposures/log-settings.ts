import { errorText, logError } from "../http/log.ts";
import type { AnalyticsDataset } from "../metrics/handled.ts";
import type { RateLimiter } from "../rows/key-allowance.ts";
import { oncePerEnvironment } from "../settings/once-per-environment.ts";
import type { Settings } from "../settings/settings.ts";
import type { LineSink } from "./line-sink.ts";

/** What the logs of exposures and events need of an environment. */
export interface LogSettings {
  exposureSink: LineSink | null;
  eventSink: LineSink | null;
  eventRateLimit: RateLimiter | null;
  countDataset: AnalyticsDataset | null;
  /** Those of request ids and cookies, as text. */
  secrets: string;
}

const NONE: LogSettings = {
  ...{ exposureSink: null, eventSink: null, eventRateLimit: null, countDataset: null },
  secrets: "",
};

/**
 * Reads these settings once from an environment, apart from all others: a Worker that nobody may score with yet shows
 * lists in the origin's order, and they are logged.
 */
export class LogSettingsReader {
  /** Never throws: where an application's own function does, there are no sinks, and the log says why. */
  readonly read: (env: object) => LogSettings;

  constructor(settings: Settings<object>) {
    this.read = oncePerEnvironment((env) => tryRead(settings, env));
  }
}

function tryRead(settings: Settings<object>, env: object): LogSettings {
  try {
    return {
      exposureSink: settings.exposureSink(env),
      eventSink: settings.eventSink(env),
      eventRateLimit: settings.eventRateLimit(env),
      countDataset: settings.countDataset(env),
      secrets: settings.secrets(env) ?? "",
    };
  } catch (error) {
    logError("log_settings_refused", errorText(error));
    return NONE;
  }
}
