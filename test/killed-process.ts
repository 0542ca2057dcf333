// A process that ends at a step of its own, however slow or fast the machine is: a test that kills one after a time
// meets another moment on each machine, and on a fast one none.

interface Moment {
  /** What the path of a file matches that gets its final name. */
  name: RegExp;
  /** Which of those files it is, 1 for the first. */
  count?: number;
  /** Whether the file has its name by then. */
  named?: boolean;
  signal?: "SIGKILL" | "SIGTERM";
}

/** NODE_OPTIONS of a process that sends itself a signal where it gives a file its name, once. */
export function endedAt({ name, count = 1, named = false, signal = "SIGKILL" }: Moment): { NODE_OPTIONS: string } {
  const end = `process.kill(process.pid, "${signal}")`;
  const program = `
    import fs from "node:fs";
    import { syncBuiltinESMExports } from "node:module";
    let left = ${count};
    for (const way of ["renameSync", "linkSync"]) {
      const give = fs[way];
      fs[way] = (from, to) => {
        const ends = ${name}.test(to) && --left === 0;
        if (ends && ${!named}) ${end};
        give(from, to);
        if (ends && ${named}) ${end};
      };
    }
    syncBuiltinESMExports();`;
  return { NODE_OPTIONS: `--import "data:text/javascript,${encodeURIComponent(program)}"` };
}
