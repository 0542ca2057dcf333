import type { Command } from "commander";
import type { StoreTarget } from "../../deploy/kv/open-store.ts";
import { UserError } from "../../trainer/errors.ts";
import { statsOf } from "../../trainer/io/folders.ts";

/** How a user names the store that models are published into. */
export interface StoreFlags {
  config?: string;
  env?: string;
  remote?: true;
  persistTo?: string;
  folder?: string;
}

/** With whether a folder also has all pages of a version in one file. */
export interface PackedFlags extends StoreFlags {
  packed?: true;
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
  if (!statsOf(config)?.isFile()) throw new UserError(`${config}: got no file, expected wrangler's configuration`);
}

/**
 * The store that the options name, for commands that do not make one: in a new folder they would find nothing, without
 * a word. Throws UserError as `storeOf` does, and where a folder that is named is not there.
 */
export function presentStoreOf(flags: StoreFlags): StoreTarget {
  const store = storeOf(flags);
  if (flags.folder !== undefined) checkPresent(flags.folder, "published models, which `publish --folder` makes");
  if (flags.persistTo !== undefined) checkPersistTo(flags.persistTo);
  return store;
}

/** What is in a folder of `--persist-to`. */
const LOCAL_STATE = "a local KV, which `publish --persist-to` or `npm run dev -- --persist-to` makes";

/** Throws UserError where a folder of `--persist-to` is not there. */
export function checkPersistTo(folder: string): void {
  checkPresent(folder, LOCAL_STATE);
}

function checkPresent(folder: string, what: string): void {
  const stats = statsOf(folder);
  if (stats?.isDirectory()) return;
  throw new UserError(`${folder}: got ${stats ? "a file" : "no folder"}, expected one of ${what}`);
}

/** The store that the options name. Throws UserError where there is no such configuration, or they name two stores. */
export function storeOf({ config, env, remote, persistTo, folder }: StoreFlags): StoreTarget {
  if (folder !== undefined) {
    const others = Object.entries({ remote, "persist-to": persistTo, config, env }).filter(([, value]) => value);
    if (others.length > 0) throw new UserError(`--folder: got --${others[0]?.[0]} too, expected one store`);
    return { folder };
  }
  if (remote && persistTo !== undefined) throw new UserError("--remote: got --persist-to too, expected one store");
  if (config !== undefined) checkConfig(config);
  const target = remote ? { remote } : { remote: false as const, ...(persistTo && { persistTo }) };
  return { ...target, ...(config && { config }), ...(env && { environment: env }) };
}

/** The store with what --packed says of it. Throws UserError where that is said of another one than a folder. */
export function packedStore(store: StoreTarget, { packed }: PackedFlags): StoreTarget {
  if (!packed) return store;
  if (!("folder" in store)) throw new UserError("--packed: got no --folder, expected one");
  return { ...store, packed };
}
