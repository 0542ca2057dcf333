import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, globSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { damageOf, installFolder, partFolder, readInstall } from "../../trainer/native/installs.ts";

// Installations that are killed at each of their steps, as a user's or a machine's end kills them: none may leave half
// of one where it is used, and the next one goes on.

const CLI = fileURLToPath(new URL("../../cli/cli.ts", import.meta.url));

/** Milliseconds between two looks at where an installation is. */
const LOOK_MS = 10;

interface Running {
  child: ChildProcess;
  /** What it has printed. */
  printed: () => string;
  ended: Promise<number | null>;
}

export function startInstall(root: string): Running {
  const env = { ...process.env, DEEPFM_EDGE_NATIVE: root };
  const child = spawn(process.execPath, [CLI, "native", "install", "--yes"], {
    stdio: ["ignore", "pipe", "pipe"],
    env,
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  return { child, printed: () => text, ended };
}

/** The steps, each with the sign that an installation is in the middle of it. */
const SIGNS: Record<string, (root: string, printed: string) => boolean> = {
  fetch: (root) =>
    globSync(join(partFolder("cpu", root), "files", "fetch*", "**", "*.whl")).some((path) => sizeOf(path) > 1e6),
  unpack: (root) =>
    globSync(join(partFolder("cpu", root), "made", "*", "unpacked*", "piece", "libtensorflow_cc.so.2")).some(
      (path) => sizeOf(path) > 1e6,
    ),
  compile: (_, printed) => printed.includes("compiling tfjs-node's binding"),
  test: (_, printed) => printed.includes("testing it:"),
};
export const STEPS = Object.keys(SIGNS);

/**
 * Runs an installation until it is in the middle of a step, calls `meanwhile`, and kills it. Returns what is wrong with
 * what it leaves, and what it printed; an installation that ends before is an error with its words.
 */
export async function killInstall(
  root: string,
  step: string,
  meanwhile: () => Promise<void> = async () => {},
): Promise<string[]> {
  const { child, printed, ended } = startInstall(root);
  let running = true;
  ended.then(() => {
    running = false;
  });
  const inStep = SIGNS[step] as (typeof SIGNS)[string];
  while (running && !inStep(root, printed())) await wait(LOOK_MS);
  if (!running) throw new Error(printed());
  await meanwhile();
  child.kill("SIGKILL");
  await ended;
  return wrongAfterKill(root, step);
}

function wrongAfterKill(root: string, step: string): string[] {
  const folder = installFolder("cpu", root);
  if (existsSync(folder)) return [`${folder}: is there after a kill while it was to ${step}, expected nothing`];
  if (!existsSync(partFolder("cpu", root)))
    return [`${folder}: nothing is left of it after a kill while it was to ${step}`];
  return [];
}

/** What is wrong with a whole installation. */
export function wrongInstall(root: string): string[] {
  const install = readInstall(installFolder("cpu", root));
  const left = globSync(join(root, "*")).filter((path) => path !== installFolder("cpu", root));
  if (install === null) return [`${installFolder("cpu", root)}: is not there`];
  return [...damageOf(install), ...left.map((path) => `${path}: is left`)];
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
