import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { endWithThisProcess } from "../io/children.ts";
import type { Check } from "./basic-checks.ts";
import type { Build } from "./installs.ts";
import { lastLines } from "./programs.ts";

/** The sources where this file is one, otherwise what was compiled of them. */
const SCRIPT = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "./check-process.ts" : "./check-process.js", import.meta.url),
);

export interface TestedInstall {
  checks: Check[];
  /** What TensorFlow printed. */
  log: string;
  passed: boolean;
}

/**
 * Checks the installation in the folder `root`, in a process of its own. `device`: what it must compute on. `scope`:
 * the basic checks, or the trainer's models too.
 */
export async function testInstall(
  root: string,
  device: Build,
  scope: "basic" | "all",
  onCheck: (check: Check) => void = () => {},
): Promise<TestedInstall> {
  const env = { ...process.env, DEEPFM_EDGE_NATIVE: root, TF_CPP_MIN_LOG_LEVEL: "0" };
  const child = spawn(process.execPath, [SCRIPT, device, scope], { stdio: ["ignore", "pipe", "pipe"], env });
  endWithThisProcess(child);
  const checks: Check[] = [];
  const add = (check: Check): void => {
    checks.push(check);
    onCheck(check);
  };
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line.startsWith("{")) add(JSON.parse(line));
  });
  const ended = await new Promise<string>((resolve) => {
    child.on("error", ({ message }) => resolve(message));
    child.on("close", (code, signal) => resolve(signal === null ? `exit code ${code}` : signal));
  });
  if (ended !== "exit code 0") add({ name: "end", passed: false, figure: `${ended}: ${lastLines(log, 6)}` });
  return { checks, log, passed: checks.every(({ passed }) => passed) };
}
