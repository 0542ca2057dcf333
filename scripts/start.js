// Starts a program of this folder. `NAME.ts` here is what npm scripts and people start: a plain script, as cli/cli.ts
// is and for its reason. `programs/NAME.ts` is the program.
const { basename, join } = require("node:path");
const { startProgram } = require("../cli/start-program.js");

/** Starts the program of the entry whose path is given. */
exports.start = (entry) =>
  startProgram({
    entry,
    program: join(__dirname, "programs", basename(entry)),
    oldest: "24", // runs TypeScript and `await using` as they are written
    hint: "run `npm ci`, which installs one, and start this again",
  });
