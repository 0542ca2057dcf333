import type { RequestIdVariables } from "hono/request-id";
import type { ModelStore } from "./models/model-slot.ts";
import type { RowStore } from "./rows/row-store.ts";
import type { Settings } from "./settings.ts";

/** The context of every handler: the bindings that the app was made for, and the id of the request. */
export interface AppEnv<Bindings extends object = object> {
  Bindings: Bindings;
  Variables: RequestIdVariables;
}

/**
 * What the routes share: the stores, which live as long as the isolate, and the settings, which say how to find the
 * rest in the environment of a request.
 */
export interface RouteOptions {
  models: ModelStore;
  rows: RowStore;
  settings: Settings<object>;
}
