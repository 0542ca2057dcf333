import { readdirSync, readFileSync } from "node:fs";
import { childrenNamed } from "../testing/processes.ts";

/** Milliseconds of processor time that all threads of this process have used. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/**
 * Milliseconds of processor time that the workerd processes started by this process have used. Where the system does
 * not tell (only Linux does), the milliseconds of a wall clock: either way, only the difference of two calls has a
 * meaning.
 */
export function workerdMs(): number {
  return childrenMs("workerd") ?? performance.now();
}

/** Milliseconds of processor time of this process's children of this name; null if there are none, or no /proc. */
function childrenMs(name: string): number | null {
  try {
    let nanoseconds = 0;
    for (const pid of childrenNamed(name)) {
      for (const task of readdirSync(`/proc/${pid}/task`)) {
        nanoseconds += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]);
      }
    }
    return nanoseconds > 0 ? nanoseconds / 1e6 : null;
  } catch {
    return null;
  }
}
