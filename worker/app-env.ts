import type { RequestIdVariables } from "hono/request-id";
import type { Caller } from "./access/caller.ts";

/** The context of every handler: the bindings that the app was made for, the id of the request, and who sends it. */
export interface AppEnv<Bindings extends object = object> {
  Bindings: Bindings;
  Variables: RequestIdVariables & { caller: Caller };
}
