import type { Experiments } from "./experiments/experiments.ts";
import type { ExposureSink } from "./experiments/exposure-sink.ts";
import type { EventLog } from "./exposures/event-log.ts";
import type { LogSettingsReader } from "./exposures/log-settings.ts";
import type { SampledLog } from "./http/sampled-log.ts";
import type { MemoryBudget } from "./memory/memory-budget.ts";
import type { AssignmentCounters } from "./metrics/assignment-counters.ts";
import type { RequestCounters } from "./metrics/request-counters.ts";
import type { ScoringCounters } from "./metrics/scoring-counters.ts";
import type { ModelStore } from "./models/model-store.ts";
import type { RowStore } from "./rows/row-store.ts";
import type { SettingsReader } from "./settings/settings-reader.ts";

/**
 * What the routes share: the stores and the memory, which live as long as the isolate, and the settings, which are
 * found in the environment of a request.
 */
export interface RouteOptions {
  models: ModelStore;
  rows: RowStore;
  memory: MemoryBudget;
  /** Has a line for answers that were scored without some of their rows. */
  degraded: SampledLog;
  /** Has a line for data points that could not be written. */
  analyticsFailures: SampledLog;
  counters: ScoringCounters;
  requests: RequestCounters;
  settings: SettingsReader;
  experiments: Experiments;
  assignments: AssignmentCounters;
  /** Has a line for lists that could not be ordered as their arms say. */
  arrangeFailures: SampledLog;
  /** Those of the two logs. */
  logSettings: LogSettingsReader;
  /** The lists that were shown, and what became of them. */
  exposures: ExposureSink;
  events: EventLog;
  /** Milliseconds since the epoch. */
  now: () => number;
}
