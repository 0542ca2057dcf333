import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type FileHandle, open } from "node:fs/promises";
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
 * `<folder>/events/<started>.ndjson`, `started` being the time. A file is there when its first line is. What a request
 * brings is written whole or not at all: where the system refuses, the answer says so, and the Worker keeps the lines
 * and sends them again.
 */
export async function startLineCollector(folder: string, now = new Date()): Promise<LineCollector> {
  const secret = randomBytes(16).toString("hex");
  const name = `${now.toISOString().replaceAll(":", "-")}.ndjson`;
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
  readonly path: string;
  readonly #folder: string;
  #handle: FileHandle | null = null;
  /** Bytes of what has been written whole. */
  #size = 0;
  /** Requests wait for one another, so that no lines are among those of another one. */
  #last: Promise<void> = Promise.resolve();

  constructor(folder: string, name: string) {
    this.#folder = folder;
    this.path = join(folder, name);
  }

  /** Rejects where the system refuses. The file then has what it had. */
  append(lines: Uint8Array): Promise<void> {
    const appended = this.#last.then(() => this.#append(lines));
    this.#last = appended.catch(() => {});
    return appended;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#handle?.close();
    this.#handle = null;
  }

  async #append(lines: Uint8Array): Promise<void> {
    if (!this.#handle) {
      makeFolder(this.#folder, this.path);
      this.#handle = await open(this.path, "ax");
      console.log(`lines go into ${this.path}`);
    }
    try {
      await this.#handle.appendFile(lines);
      this.#size += lines.length;
    } catch (error) {
      await this.#handle.truncate(this.#size);
      throw error;
    }
  }
}
