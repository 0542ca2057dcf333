import { type ChildProcess, spawn } from "node:child_process";
import { subscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { basename } from "node:path";

// No process that this one starts outlives it, even where it is killed and can tidy up nothing: a shell of a few
// hundred kilobytes waits for the end of a pipe that only this process holds, and then kills what is left.

/** Reads lines, each with the numbers of all processes that are alive, and kills those of the last one at the end. */
const WATCH = `trap "" INT TERM HUP; while read -r line; do alive=$line; done; [ -z "$alive" ] || kill -9 $alive`;

const alive = new Set<number>();
let watcher: Socket | null = null;

/** Lets a process end with this one. On Windows it does nothing. */
export function endWithThisProcess(child: ChildProcess): void {
  if (process.platform === "win32") return;
  const { pid } = child;
  if (pid === undefined || child.exitCode !== null) return;
  alive.add(pid);
  tellWatcher();
  child.once("exit", () => {
    alive.delete(pid);
    tellWatcher();
  });
}

let subscribed = false;

/** Lets every workerd end with this process that a library starts from now on. */
export function endWorkerdsWithThisProcess(): void {
  if (subscribed) return;
  subscribed = true;
  subscribe("child_process", (message) => {
    const { process: child } = message as { process: ChildProcess };
    child.once("spawn", () => {
      if (/^workerd/.test(basename(child.spawnfile))) endWithThisProcess(child);
    });
  });
}

function tellWatcher(): void {
  watcher ??= startWatcher();
  watcher.write(`${[...alive].join(" ")}\n`);
}

/** Its own process group, so that Ctrl-C in a terminal does not reach it before it has done its work. */
function startWatcher(): Socket {
  const shell = spawn("sh", ["-c", WATCH], { stdio: ["pipe", "ignore", "ignore"], detached: true });
  shell.on("error", () => {}); // without a shell, processes end as well as their libraries can end them
  shell.unref();
  const pipe = shell.stdin as Socket;
  pipe.on("error", () => {});
  pipe.unref();
  return pipe;
}
