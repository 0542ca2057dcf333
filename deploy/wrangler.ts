import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "../trainer/errors.ts";

/**
 * The Worker's configuration: the repository's, or the one beside the compiled rooms, which names the compiled Worker.
 */
export const WRANGLER_CONFIG = fileURLToPath(new URL("../wrangler.toml", import.meta.url));

/** Wrangler's environment: no telemetry, no questions, no look-up of where the machine is. */
export const QUIET = {
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_HIDE_BANNER: "true",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  CI: "1",
};

/**
 * Runs a wrangler command with a configuration and returns what it prints. `cwd`: where relative paths, and the
 * configuration's own build, begin. Throws UserError, with the last lines of what it printed, where it fails.
 */
export function wrangler(args: readonly string[], config = WRANGLER_CONFIG, cwd = process.cwd()): Promise<string> {
  const script = join(dirname(createRequire(import.meta.url).resolve("wrangler/package.json")), "bin", "wrangler.js");
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args, "--config", config], {
      cwd,
      env: { ...process.env, ...QUIET },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (text) => {
      stdout += text;
    });
    child.stderr.on("data", (text) => {
      stderr += text;
    });
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) return resolve(stdout);
      const end = `${stdout}\n${stderr}`.trim().split("\n").slice(-8).join("\n");
      reject(new UserError(`wrangler ${args.slice(0, 3).join(" ")} failed (exit ${code}):\n${end}`));
    });
  });
}
