// The memory of a process as the system counts it, seen from outside.
import { readFileSync, writeFileSync } from "node:fs";

/** Bytes of memory that a process has resident; null where the system has no /proc. */
export function residentBytes(pid: number): number | null {
  return statusBytes(pid, "VmRSS");
}

/** The most bytes that a process had resident since `forgetPeak`; null where the system has no /proc. */
export function peakResidentBytes(pid: number): number | null {
  return statusBytes(pid, "VmHWM");
}

/** Begins the peak anew. Linux does so where 5 is written to clear_refs (proc(5)). */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

function statusBytes(pid: number, name: string): number | null {
  try {
    const line = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return line ? 1024 * Number(line[1]) : null;
  } catch {
    return null;
  }
}
