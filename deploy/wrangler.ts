import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { UserError } from "../trainer/errors.ts";
import { endWithThisProcess } from "../trainer/io/children.ts";

/**
 * The Worker's configuration: the repository's, or the one beside the compiled rooms, which names the compiled Worker.
 */
export const WRANGLER_CONFIG = fileURLToPath(new URL("../wrangler.toml", import.meta.url));

/** What each process of wrangler's loads first. */
const PRELOAD = new URL(`./wrangler-process${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);

/** The arguments of Node for a call of wrangler. What that starts ends with the process which these start. */
export function wranglerArguments(args: readonly string[]): string[] {
  const folder = dirname(createRequire(import.meta.url).resolve("wrangler/package.json"));
  return ["--import", PRELOAD.href, join(folder, "bin", "wrangler.js"), ...args];
}

/**
 * Wrangler's environment: no telemetry, no questions, no look-up of where the machine is; and no notes, such as that it
 * reads .dev.vars, in what a command prints.
 */
export const QUIET = {
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_HIDE_BANNER: "true",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  CI: "1",
  WRANGLER_LOG: "warn",
};

/** Milliseconds that a command of wrangler may take. A build takes some seconds. */
const DEADLINE_MS = 300_000;

/**
 * Runs a wrangler command with a configuration and returns what it prints. `cwd`: where relative paths, and the
 * configuration's own build, begin. Throws UserError, with the last lines of what it printed, where it
 * fails or does not end in time. The process ends with this one.
 */
export function wrangler(args: readonly string[], config = WRANGLER_CONFIG, cwd = process.cwd()): Promise<string> {
  const name = `wrangler ${args.slice(0, 3).join(" ")}`;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, wranglerArguments([...args, "--config", config]), {
      cwd,
      // What it prints is for this process, so the user's wish for more or less of it does not count.
      env: { ...process.env, ...QUIET, WRANGLER_LOG: "log", NO_COLOR: "1", FORCE_COLOR: "0" },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: DEADLINE_MS,
      killSignal: "SIGKILL",
    });
    endWithThisProcess(child);
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (text) => {
      stdout += text;
    });
    child.stderr.on("data", (text) => {
      stderr += text;
    });
    child.on("error", (error) => reject(new UserError(`${name} did not start: ${error.message}`, { cause: error })));
    child.on("close", (code, signal) => {
      if (code === 0) return resolve(stdout);
      const lines = stripVTControlCharacters(`${stdout}\n${stderr}`).split("\n");
      const end = lines
        .map((line) => line.trim())
        .filter((line) => line !== "")
        .slice(-8)
        .join("\n");
      reject(new UserError(`${name} failed (${signal ? `ended by ${signal}` : `exit ${code}`}):\n${end}`));
    });
  });
}
