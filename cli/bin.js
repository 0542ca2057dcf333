#!/usr/bin/env node
// The command deepfm-edge. It starts the program from its sources where they are, in a checkout, and otherwise as it
// was compiled for the package.
const { existsSync } = require("node:fs");
const { join } = require("node:path");
const { startProgram } = require("./start-program.js");

const sources = join(__dirname, "commands", "main.ts");

if (existsSync(sources))
  startProgram({
    entry: __filename,
    program: sources,
    oldest: "24", // runs TypeScript and `await using` as they are written
    hint: "run `npm ci`, which installs one, and then `npx deepfm-edge …`",
  });
else
  startProgram({
    entry: __filename,
    program: join(__dirname, "..", "dist", "cli", "commands", "packaged.js"),
    oldest: "22.15", // the first with `module.registerHooks`
  });
