import type { RequestIdVariables } from "hono/request-id";
import type { ModelStore } from "./models/model-slot.ts";
import type { RowStore } from "./rows/row-store.ts";
import type { Settings } from "./settings.ts";

/** What every handler's context has: the bindings that the app was made for, and the request's id. */
export interface AppEnv<Bindings extends object = object> {
  Bindings: Bindings;
  Variables: RequestIdVariables;
}

/** What the routes share: what lives as long as an isolate, and how to find the rest in a request's environment. */
export interface RouteOptions {
  models: ModelStore;
  rows: RowStore;
  settings: Settings<object>;
}
