// A command in a process of its own, which a test may kill.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const CLI = fileURLToPath(new URL("../../cli/cli.ts", import.meta.url));

/** Runs a command to its end; its exit code and what it printed. */
export async function runCommand(cwd: string, args: readonly string[]): Promise<{ code: number | null; out: string }> {
  const { child, ended } = startCommand(cwd, args);
  let out = "";
  child.stdout.on("data", (chunk) => {
    out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    out += chunk;
  });
  return { code: await ended, out };
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

function startCommand(cwd: string, args: readonly string[]) {
  const child = spawn(process.execPath, [CLI, ...args], { cwd });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  return { child, ended };
}
