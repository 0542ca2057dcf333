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

/** Milliseconds of processor time that a process has used; those of a wall clock where the system does not tell. */
export function processMs(pid: number): number {
  try {
    return threadsMs(pid);
  } catch {
    return performance.now();
  }
}

/** Throws without /proc, and where the process has ended. */
function threadsMs(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const ofTask = (task: string): number =>
    Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]);
  return tasks.reduce((sum, task) => sum + ofTask(task), 0) / 1e6;
}

/** Milliseconds of processor time of this process's children of this name; null if there are none, or no /proc. */
function childrenMs(name: string): number | null {
  try {
    const ms = childrenNamed(name).reduce((sum, pid) => sum + threadsMs(pid), 0);
    return ms > 0 ? ms : null;
  } catch {
    return null;
  }
}
