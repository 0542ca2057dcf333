// Inspects what this process and those that it starts print, and what it is answered over HTTP, for tokens.
import childProcess, { type ChildProcess } from "node:child_process";
import { subscribe } from "node:diagnostics_channel";
import { syncBuiltinESMExports } from "node:module";
import type { Readable } from "node:stream";
import { inspect, remember, TokenScan, watchConsole } from "./tokens.ts";

let isWatched = false;

/** From here on. */
export function watchProcess(): void {
  watchConsole();
  if (isWatched) return;
  isWatched = true;
  watchOwnStreams();
  watchChildren();
  watchSyncChildren();
  watchAnswers();
}

function textOf(chunk: unknown): string {
  if (typeof chunk === "string") return chunk;
  // Latin-1 reads any bytes, a character each; a token is ASCII.
  return chunk instanceof Uint8Array
    ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString("latin1")
    : "";
}

function watchOwnStreams(): void {
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write;
    stream.write = (chunk: unknown, ...rest: unknown[]) => {
      inspect(textOf(chunk));
      return Reflect.apply(write, stream, [chunk, ...rest]);
    };
  }
}

function watchChildren(): void {
  subscribe("child_process", (message) => {
    const { process: child } = message as { process: ChildProcess };
    // The channel tells of a child before it has streams. They are there, and have read nothing, once spawn is over.
    queueMicrotask(() => {
      for (const stream of [child.stdout, child.stderr]) if (stream) watchStream(stream);
    });
  });
}

/** A listener for `data` would make the stream flow before its reader is there. */
function watchStream(stream: Readable): void {
  const scan = new TokenScan();
  const push = stream.push;
  stream.push = (chunk: unknown, encoding?: BufferEncoding) => {
    scan.add(textOf(chunk));
    remember(scan.found.splice(0));
    return push.call(stream, chunk, encoding);
  };
}

function watchSyncChildren(): void {
  const { spawnSync, execFileSync } = childProcess;
  const inspectAll = (values: readonly unknown[]): void => {
    for (const value of values) inspect(textOf(value));
  };
  Object.assign(childProcess, {
    spawnSync(...args: unknown[]) {
      const ended = Reflect.apply(spawnSync, childProcess, args) as ReturnType<typeof spawnSync>;
      inspectAll(ended.output ?? []);
      return ended;
    },
    execFileSync(...args: unknown[]) {
      try {
        const printed: unknown = Reflect.apply(execFileSync, childProcess, args);
        inspectAll([printed]);
        return printed;
      } catch (error) {
        inspectAll((error as { output?: unknown[] }).output ?? []);
        throw error;
      }
    },
  });
  syncBuiltinESMExports();
}

/** What `fetch` is answered, when it is read. */
function watchAnswers(): void {
  const { text, json } = Response.prototype;
  Response.prototype.text = async function () {
    const body = await text.call(this);
    inspect(JSON.stringify([...this.headers]));
    inspect(body);
    return body;
  };
  Response.prototype.json = async function () {
    const value: unknown = await json.call(this);
    inspect(JSON.stringify([[...this.headers], value]));
    return value;
  };
}
