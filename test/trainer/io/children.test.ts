import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

// What a process started must not outlive it, however it ends.

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-children-"));
afterAll(() => rmSync(folder, { recursive: true }));

const MODULE = JSON.stringify(new URL("../../../trainer/io/children.ts", import.meta.url).href);
/** A process that sleeps under the name by which workerd is known. */
const WORKERD = join(folder, "workerd");
const SLEEP = "/bin/sleep";

/** Starts a process that starts two sleeping ones, of which one looks like workerd, and prints their numbers. */
const PARENT = `
  const { endWithThisProcess, endWorkerdsWithThisProcess } = await import(${MODULE});
  const { spawn } = await import("node:child_process");
  endWorkerdsWithThisProcess();
  const one = spawn(${JSON.stringify(WORKERD)}, ["300"], { stdio: "ignore" });
  const two = spawn(${JSON.stringify(SLEEP)}, ["300"], { stdio: "ignore" });
  const ended = spawn(${JSON.stringify(SLEEP)}, ["0"], { stdio: "ignore" });
  endWithThisProcess(two);
  endWithThisProcess(ended);
  ended.once("exit", () => setTimeout(() => console.log(one.pid + " " + two.pid), 100));
  setInterval(() => {}, 1000);
`;

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe.skipIf(!existsSync(SLEEP))("processes that were started", () => {
  it.each(["SIGKILL", "SIGINT", "SIGTERM"] as const)("end with the one that started them, at %s", async (signal) => {
    if (!existsSync(WORKERD)) symlinkSync(SLEEP, WORKERD);
    const parent = spawn(process.execPath, ["--input-type=module", "-e", PARENT], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = await once(parent.stdout, "data");
    const pids = String(line).trim().split(" ").map(Number);
    try {
      expect(pids.map(isAlive)).toEqual([true, true]);
      parent.kill(signal);
      await once(parent, "close");
      for (let i = 0; pids.some(isAlive) && i < 3000; i++) await new Promise((resolve) => setTimeout(resolve, 10));
      expect(pids.map(isAlive)).toEqual([false, false]);
    } finally {
      for (const pid of pids.filter(isAlive)) process.kill(pid, "SIGKILL");
    }
  });
});
