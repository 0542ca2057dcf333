import { logError } from "../http/log.ts";
import { kindOf } from "./checks.ts";

/**
 * Bindings that need not be there, by name: a method that each has, and what it must be. wrangler.toml and the
 * dashboard take text for any of them.
 */
const BINDINGS = {
  ASSETS: ["fetch", "static assets"],
  ROW_RATE_LIMIT: ["limit", "a rate limit"],
  REQUEST_RATE_LIMIT: ["limit", "a rate limit"],
  EVENT_RATE_LIMIT: ["limit", "a rate limit"],
  ANALYTICS: ["writeDataPoint", "a dataset of Analytics Engine"],
  EXPOSURE_COUNTS: ["writeDataPoint", "a dataset of Analytics Engine"],
  EXPOSURES: ["sendBatch", "a queue"],
  EXPOSURE_PIPELINE: ["send", "a pipeline"],
  EVENT_PIPELINE: ["send", "a pipeline"],
} as const;

const faults = new WeakMap<object, Set<string>>();
/** An application may hand each request an environment of its own. */
const logged = new Set<string>();

/** A binding; null where there is none, or something else: `bindingFaults` says so, and the log of an isolate once. */
export function bindingOf<Env extends object, Name extends keyof typeof BINDINGS & keyof Env>(
  env: Env,
  name: Name,
): NonNullable<Env[Name]> | null {
  const value: unknown = env[name];
  if (value === undefined || value === null || value === "") return null;
  const [method, expected] = BINDINGS[name];
  if (typeof (value as Record<string, unknown>)[method] === "function") return value as NonNullable<Env[Name]>;
  const fault = `${name}: got ${kindOf(value)}, expected ${expected}`;
  faults.set(env, (faults.get(env) ?? new Set()).add(fault));
  if (!logged.has(fault)) logError("binding_refused", fault);
  logged.add(fault);
  return null;
}

/** What is wrong with those bindings of an environment that were asked for. */
export function bindingFaults(env: object): string[] {
  return [...(faults.get(env) ?? [])];
}
