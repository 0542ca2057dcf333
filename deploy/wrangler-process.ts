import { endWorkerdsWithThisProcess } from "../trainer/io/children.ts";

// Loaded by Node before wrangler. Wrangler's program is two processes: the one that is started starts another, which
// does the work, starts workerd, and would go on alone where the first one is killed.

/** Milliseconds between two looks at whether the process that started this one is there. */
const LOOK_MS = 100;

endWorkerdsWithThisProcess();
const parent = process.ppid;
// The channel closes when the first process ends, and also when wrangler has done its work and closes it itself.
process.once("disconnect", () => {
  const endAlone = () => {
    if (process.ppid !== parent) process.exit(1);
  };
  setInterval(endAlone, LOOK_MS).unref();
});
process.channel?.unref(); // wrangler's own end is not kept waiting
