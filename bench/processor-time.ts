import { readdirSync, readFileSync } from "node:fs";

/**
 * Milliseconds of processor time that the processes of this name have used which this one started: what other programs
 * take is no part of it. Null where the system does not tell.
 */
function childrenMs(name: string): number | null {
  try {
    let nanoseconds = 0;
    for (const pid of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
      const stat = statOf(pid);
      if (stat?.name !== name || stat.parent !== process.pid) continue;
      for (const task of readdirSync(`/proc/${pid}/task`)) {
        nanoseconds += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]);
      }
    }
    return nanoseconds > 0 ? nanoseconds / 1e6 : null;
  } catch {
    return null;
  }
}

/** Milliseconds: processor time of the workerd that this process started, or what a clock on the wall says. */
export function workerdMs(): number {
  return childrenMs("workerd") ?? performance.now();
}

/** Null for a process that has just ended. */
function statOf(pid: string): { name: string; parent: number } | null {
  try {
    const [, name = "", parent] = /^\d+ \((.*)\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
    return { name, parent: Number(parent) };
  } catch {
    return null;
  }
}
