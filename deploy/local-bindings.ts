import { accessSync, constants, existsSync, lstatSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { UserError } from "../trainer/errors.ts";
import { endWorkerdsWithThisProcess } from "../trainer/io/children.ts";
import { systemFault, toldFault } from "../trainer/io/system-fault.ts";
import { QUIET } from "./wrangler.ts";
import { readWranglerConfig } from "./wrangler-config.ts";

/** Milliseconds that workerd may take to start. It takes 1 s, and on a busy machine ten times as long. */
const START_MS = 120_000;

/** The bindings of a Worker on this machine, until they are disposed of. */
export interface LocalBindings extends AsyncDisposable {
  env: Record<string, unknown>;
  /** The folder that holds what they store. */
  folder: string;
}

/**
 * Opens the bindings that a configuration of wrangler has, as `wrangler dev` has them: in the folder `persistTo` or
 * else beside the configuration. `environment`: one of the configuration's. `what`: what they are opened for, as an
 * error calls it. Throws UserError where they cannot be opened.
 */
export async function openLocalBindings(
  what: string,
  config: string,
  persistTo = localState(config),
  environment?: string,
): Promise<LocalBindings> {
  checkFolder(persistTo, what);
  await readWranglerConfig(config, environment); // which says better than workerd what is wrong with it
  Object.assign(process.env, QUIET);
  endWorkerdsWithThisProcess();
  const { getPlatformProxy } = await import("wrangler");
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`workerd did not start in ${START_MS / 1000} s`)), START_MS);
  const started = getPlatformProxy<Record<string, unknown>>({
    configPath: config,
    ...(environment !== undefined && { environment }),
    persist: { path: join(persistTo, "v3") }, // as `wrangler dev --persist-to` has it
    remoteBindings: false,
    envFiles: [],
  });
  const proxy = await Promise.race([started, late])
    .catch((error: Error) => {
      const fault = toldFault(persistTo, error.message);
      throw (
        fault ?? new UserError(`the ${what} in ${persistTo} could not be opened: ${error.message}`, { cause: error })
      );
    })
    .finally(() => clearTimeout(timer));
  return { env: proxy.env, folder: persistTo, [Symbol.asyncDispose]: () => proxy.dispose() };
}

/** The folder of local bindings that `wrangler dev` has beside a configuration. */
export function localState(config: string): string {
  return join(dirname(config), ".wrangler", "state");
}

/** Throws UserError where a folder of local bindings is something else, or nothing may be written there. */
export function checkFolder(path: string, what = "local KV"): void {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    const other = stats ? !stats.isDirectory() && "a file" : isLink(path) && "a link to nothing";
    if (other) throw new UserError(`${path}: got ${other}, expected a folder for the ${what}`);
    accessSync(stats ? path : folderAbove(path), constants.W_OK);
  } catch (error) {
    throw systemFault(path, error); // something above it is a file
  }
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}

/** The innermost folder above a path that is there. */
function folderAbove(path: string): string {
  const above = dirname(resolve(path));
  return existsSync(above) ? above : folderAbove(above);
}
