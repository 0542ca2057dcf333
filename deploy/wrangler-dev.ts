import { spawn } from "node:child_process";
import { constants } from "node:os";
import { resolve as absolute, dirname } from "node:path";
import { UserError } from "../trainer/errors.ts";
import { endWithThisProcess } from "../trainer/io/children.ts";
import { startLineCollector } from "./line-collector.ts";
import { WRANGLER_CONFIG, wranglerArguments } from "./wrangler.ts";

export interface WranglerDevOptions {
  /** The folder of the files with lines of exposures and events. */
  logs: string;
  config?: string;
  /** The folder of what the Worker stores. Default: .wrangler/state beside the configuration. */
  persistTo?: string;
  /** The environment of the configuration. Default: none. */
  environment?: string;
  /** Further arguments of `wrangler dev`. */
  args: readonly string[];
}

/**
 * Runs `wrangler dev` in this terminal until it ends: a Worker open to everyone, whose lines of exposures and events go
 * into files, unless its configuration has a queue or a pipeline for them. Returns the exit code. Throws UserError
 * where it cannot be started.
 */
export async function wranglerDev(options: WranglerDevOptions): Promise<number> {
  const { logs, config = WRANGLER_CONFIG, persistTo, environment = "", args } = options;
  await using collector = await startLineCollector(logs);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const own = ["--config", config, `--env=${environment}`, "--var", "AUTH:off", `LINE_COLLECTOR:${collector.url}`];
  // Wrangler would ask Cloudflare where this machine is, for `request.cf`.
  const env = { CLOUDFLARE_CF_FETCH_ENABLED: "false", ...process.env };
  const state = persistTo === undefined ? [] : ["--persist-to", absolute(persistTo)];
  // The build of our own configuration begins where that is.
  const cwd = config === WRANGLER_CONFIG ? dirname(config) : process.cwd();
  const child = spawn(process.execPath, wranglerArguments(["dev", ...own, ...state, ...args]), {
    ...{ env, cwd, stdio: "inherit" },
  });
  endWithThisProcess(child);
  child.on("error", (error) => reject(new UserError(`wrangler did not start: ${error.message}`, { cause: error })));
  child.on("close", (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? "SIGKILL"]));
  // A terminal sends Ctrl-C to both processes: wrangler ends the Worker, whose last lines this one still takes.
  const stop = (signal: NodeJS.Signals) => {
    if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
  try {
    return await promise;
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
}
