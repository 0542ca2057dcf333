import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type FileHandle, open, stat } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { makeFolder } from "../trainer/io/folders.ts";

/** Kinds of lines, each in a folder of its own, as the queue's consumer has them in R2. */
const KINDS = ["exposures", "events"];

/** Takes lines of exposures and events from a Worker on this machine, until it is disposed of. */
export interface LineCollector extends AsyncDisposable {
  /** For the Worker's LINE_COLLECTOR. Its path is a secret: pages in a browser on this machine cannot guess it. */
  url: string;
}

/**
 * Listens at a free port of loopback for lines, which it appends to `<folder>/exposures/<started>.ndjson` and
 * `<folder>/events/<started>.ndjson`, `started` being the time. A file is there when its first line is; where it has
 * been removed since, or its name is taken, lines go into `<started>-1.ndjson`, and so on. What a request brings is
 * written whole or not at all: where the system refuses, the answer says so, and the Worker keeps the lines and sends
 * them again.
 */
export async function startLineCollector(folder: string, now = new Date()): Promise<LineCollector> {
  const secret = randomBytes(16).toString("hex");
  const name = now.toISOString().replaceAll(":", "-");
  const files = new Map(KINDS.map((kind) => [`/${secret}/${kind}`, new LineFile(join(folder, kind), name)]));
  const server = createServer(async (request, response) => {
    response.statusCode = await collected(files, request);
    response.end();
  });
  await once(server.listen({ host: "127.0.0.1", port: 0 }), "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/${secret}`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      for (const file of files.values()) await file.close();
    },
  };
}

/** The status of the answer. */
async function collected(files: ReadonlyMap<string, LineFile>, request: IncomingMessage): Promise<number> {
  const file = files.get(request.url ?? "");
  if (!file) return 404;
  if (request.method !== "POST") return 405;
  try {
    await file.append(await buffer(request));
    return 204;
  } catch (error) {
    console.error(`${file.path}: lines were not written: ${error instanceof Error ? error.message : error}`);
    return 507;
  }
}

/** A file of lines that grows by whole requests. */
class LineFile {
  readonly #folder: string;
  readonly #name: string;
  /** How many files of this process had the name before this one. */
  #number = 0;
  #handle: FileHandle | null = null;
  /** Requests wait for one another, so that no lines are among those of another one. */
  #last: Promise<void> = Promise.resolve();

  constructor(folder: string, name: string) {
    this.#folder = folder;
    this.#name = name;
  }

  get path(): string {
    return join(this.#folder, `${this.#name}${this.#number === 0 ? "" : `-${this.#number}`}.ndjson`);
  }

  /** Rejects where the system refuses. The file then has what it had. */
  append(lines: Uint8Array): Promise<void> {
    const appended = this.#last.then(() => this.#append(lines));
    this.#last = appended.catch(() => {});
    return appended;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#drop();
  }

  async #append(lines: Uint8Array): Promise<void> {
    // What is written into a file that somebody has removed would be nowhere.
    if (this.#handle && !(await isAt(this.path, this.#handle))) await this.#drop();
    this.#handle ??= await this.#open();
    const { size } = await this.#handle.stat();
    try {
      await this.#handle.appendFile(lines);
    } catch (error) {
      await this.#handle.truncate(size);
      throw error;
    }
  }

  /** A new file. One that has the name already is another process's, or has taken a removed one's place. */
  async #open(): Promise<FileHandle> {
    makeFolder(this.#folder, this.path);
    for (; ; this.#number++) {
      try {
        const handle = await open(this.path, "ax");
        console.log(`lines go into ${this.path}`);
        return handle;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
    }
  }

  async #drop(): Promise<void> {
    await this.#handle?.close();
    this.#handle = null;
  }
}

/** Whether a file that was opened is still the one that has the path. */
async function isAt(path: string, handle: FileHandle): Promise<boolean> {
  try {
    const [there, opened] = await Promise.all([stat(path), handle.stat()]);
    return there.ino === opened.ino && there.dev === opened.dev;
  } catch {
    return false;
  }
}
