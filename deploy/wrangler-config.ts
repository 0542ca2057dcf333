import { stripVTControlCharacters } from "node:util";
import * as v from "valibot";
import { parseWith } from "../format/parse.ts";
import { UserError } from "../trainer/errors.ts";

/** What is used of a configuration of wrangler. */
const ConfigSchema = v.object({
  name: v.optional(v.string()),
  kv_namespaces: v.array(v.object({ binding: v.string(), id: v.optional(v.string()) })),
  assets: v.optional(
    v.object({
      directory: v.optional(v.string()),
      binding: v.optional(v.string()),
      run_worker_first: v.optional(v.union([v.boolean(), v.array(v.string())])),
    }),
  ),
  account_id: v.optional(v.string()),
  definedEnvironments: v.optional(v.array(v.string()), []),
});
export type WranglerConfig = v.InferOutput<typeof ConfigSchema>;

/**
 * Reads a configuration, as one of its environments has it where `environment` names one. Throws UserError where it
 * cannot be read, or has no such environment.
 */
export async function readWranglerConfig(config: string, environment?: string): Promise<WranglerConfig> {
  const { unstable_readConfig } = await import("wrangler");
  const read = (env?: string): WranglerConfig => {
    try {
      return parseWith(
        ConfigSchema,
        unstable_readConfig({ config, ...(env && { env }) }, { hideWarnings: true }),
        config,
      );
    } catch (error) {
      throw new UserError(`${config}: ${firstLines((error as Error).message)}`, { cause: error });
    }
  };
  if (environment === undefined) return read();
  const { definedEnvironments: known } = read();
  if (!known.includes(environment))
    throw new UserError(
      `${config}: got no environment ${environment}, expected ` +
        (known.length > 0 ? `one of ${known.join(", ")}` : `a table [env.${environment}]`),
    );
  return read(environment);
}

/** What wrangler says, on one line. */
function firstLines(message: string): string {
  const lines = stripVTControlCharacters(message)
    .split("\n")
    .map((line) => line.trim().replace(/^- /, ""));
  return lines
    .filter((line) => line !== "")
    .slice(0, 3)
    .join(" ");
}
