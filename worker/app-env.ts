import type { RequestIdVariables } from "hono/request-id";
import type { Caller } from "./access/caller.ts";
import type { SampledLog } from "./http/sampled-log.ts";
import type { MemoryBudget } from "./memory/memory-budget.ts";
import type { ModelStore } from "./models/model-slot.ts";
import type { RowStore } from "./rows/row-store.ts";
import type { SettingsReader } from "./settings.ts";

/** The context of every handler: the bindings that the app was made for, the id of the request, and who sends it. */
export interface AppEnv<Bindings extends object = object> {
  Bindings: Bindings;
  Variables: RequestIdVariables & { caller: Caller };
}

/**
 * What the routes share: the stores and the memory, which live as long as the isolate, and the settings, which are found
 * in the environment of a request.
 */
export interface RouteOptions {
  models: ModelStore;
  rows: RowStore;
  memory: MemoryBudget;
  /** Has a line for answers that were scored without some of their rows. */
  degraded: SampledLog;
  settings: SettingsReader;
}
