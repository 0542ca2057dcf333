import { readdirSync, readFileSync } from "node:fs";

/** Process ids of this process's children of this name. Empty where the system has no /proc (only Linux has). */
export function childrenNamed(name: string): number[] {
  try {
    return readdirSync("/proc")
      .filter((entry) => /^\d+$/.test(entry))
      .filter((pid) => {
        const stat = statOf(pid);
        return stat?.name === name && stat.parent === process.pid;
      })
      .map(Number);
  } catch {
    return [];
  }
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
