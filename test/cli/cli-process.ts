// A command of the program in a process of its own, which a test may kill.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Ended, runHere } from "./command-here.ts";

export const CLI = fileURLToPath(new URL("../../cli/cli.ts", import.meta.url));

/** Runs a command to its end. */
export async function runCommand(cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const { child, ended } = startCommand(cwd, args, env);
  const printed = { stdout: "", stderr: "", out: "" };
  for (const stream of ["stdout", "stderr"] as const)
    child[stream].on("data", (chunk) => {
      printed[stream] += chunk;
      printed.out += chunk;
    });
  return { code: await ended, ...printed };
}

/** Kills a command (SIGKILL: nothing of it can tidy up) as soon as `when` says so, and waits for its end. */
export async function killCommand(cwd: string, args: readonly string[], when: () => boolean): Promise<void> {
  const { child, ended } = startCommand(cwd, args);
  let running = true;
  ended.then(() => {
    running = false;
  });
  while (running && !when()) await new Promise((resolve) => setTimeout(resolve, 5));
  if (!running) throw new Error(`the command ended before it was killed: ${args.join(" ")}`);
  child.kill("SIGKILL");
  await ended;
}

function startCommand(cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [CLI, ...args], { cwd, env: { ...process.env, ...env } });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  return { child, ended };
}

/** A folder of a test's own, in which commands run; its files are written by name. */
export class CommandFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "deepfm-edge-cli-"));

  /** Writes a file, and returns its name. */
  file(name: string, content: string | Uint8Array): string {
    writeFileSync(join(this.path, name), content);
    return name;
  }

  /** Runs a command to its end, in the process of the tests. */
  run(...args: string[]): Promise<Ended> {
    return runHere(this.path, args);
  }

  /** Runs a command to its end, in a process of its own. */
  runApart(...args: string[]): Promise<Ended> {
    return runCommand(this.path, args);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

/** The smallest spec, and a log for it. */
export const SPEC = { name: "tiny", fields: [{ name: "user", type: "categorical" }] };
export const LOG = "label,user\n1,a\n0,b\n1,a\n0,b\n";
