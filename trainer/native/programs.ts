import { spawn } from "node:child_process";
import { endWithThisProcess } from "../io/children.ts";

// Other programs that the machine may have: a client of PyPI's registry, npm, a compiler, nvidia-smi.

/** A program's name or path, with the arguments that always come first. */
export type Program = readonly [string, ...string[]];

export interface Ended {
  /** Null where it did not start, or a signal ended it. */
  code: number | null;
  /** All that it printed on both streams, in its order. */
  printed: string;
  stdout: string;
}

/** Runs a program to its end, which comes with this process's at the latest. It has no input. */
export function runProgram(
  [program, ...first]: Program,
  args: readonly string[],
  { env = {}, cwd, onPrinted }: { env?: NodeJS.ProcessEnv; cwd?: string; onPrinted?: (text: string) => void } = {},
): Promise<Ended> {
  return new Promise((resolve) => {
    const stdio: ["ignore", "pipe", "pipe"] = ["ignore", "pipe", "pipe"];
    const child = spawn(program, [...first, ...args], { stdio, cwd, env: { ...process.env, ...env } });
    endWithThisProcess(child);
    let printed = "";
    let stdout = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        printed += text;
        if (stream === child.stdout) stdout += text;
        onPrinted?.(text);
      });
    child.on("error", (error) => resolve({ code: null, printed: `${program}: ${error.message}`, stdout }));
    child.on("close", (code) => resolve({ code, printed, stdout }));
  });
}

/** The first of some programs that runs with `args` to a good end, and the first line that it prints. */
export async function firstThatRuns(
  programs: readonly Program[],
  args: readonly string[],
): Promise<{ program: Program; version: string } | null> {
  for (const program of programs) {
    const { code, printed } = await runProgram(program, args);
    if (code === 0) return { program, version: printed.trim().split("\n")[0] ?? "" };
  }
  return null;
}

/** The last lines of what a program printed. */
export function lastLines(printed: string, count = 8): string {
  const lines = printed.split(/[\r\n]+/).filter((line) => line.trim() !== "");
  return lines.slice(-count).join("\n");
}
