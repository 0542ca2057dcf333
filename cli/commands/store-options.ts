import { statSync } from "node:fs";
import type { Command } from "commander";
import type { StoreTarget } from "../../deploy/kv/open-store.ts";
import { UserError } from "../../trainer/errors.ts";

/** How a user names the store that models are published into. */
export interface StoreFlags {
  config?: string;
  env?: string;
  remote?: true;
  persistTo?: string;
  folder?: string;
}

/** Gives a command the options that name a store. */
export function withStore(command: Command): Command {
  return command
    .option("--remote", "your account's namespace (default: the local one of `npm run dev`)")
    .option("--persist-to <folder>", "another local folder than .wrangler/state")
    .option("--folder <folder>", "a folder in place of KV, for static assets or R2")
    .option("--config <file>", "wrangler's configuration of your own Worker, which binds the namespace as MODELS")
    .option("--env <name>", "the environment of the configuration whose namespace it is, such as staging");
}

/** Throws UserError where there is no such configuration of wrangler. */
export function checkConfig(config: string): void {
  if (!statSync(config, { throwIfNoEntry: false })?.isFile())
    throw new UserError(`${config}: got no file, expected wrangler's configuration`);
}

/** The store that the options name. Throws UserError where there is no such configuration, or they name two stores. */
export function storeOf({ config, env, remote, persistTo, folder }: StoreFlags): StoreTarget {
  if (folder !== undefined) {
    const others = Object.entries({ remote, "persist-to": persistTo, config, env }).filter(([, value]) => value);
    if (others.length > 0) throw new UserError(`--folder: got --${others[0]?.[0]} too, expected one store`);
    return { folder };
  }
  if (config !== undefined) checkConfig(config);
  const target = remote ? { remote } : { remote: false as const, ...(persistTo && { persistTo }) };
  return { ...target, ...(config && { config }), ...(env && { environment: env }) };
}
