import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Entrant, NODE_FLAGS } from "./entrants.ts";
import type { Command, Refusal, Replies } from "./protocol.ts";

/** Characters of what a process that failed wrote last. */
const LAST_WORDS = 600;

/**
 * A contestant in a process of its own, so that its peak memory is its own. It computes only between a command and its
 * reply. Whoever starts it disposes of it.
 */
export class Contestant implements AsyncDisposable {
  readonly entrant: Entrant;
  readonly #child: ChildProcess;
  readonly #replies: AsyncIterator<string>;
  readonly #ended: Promise<unknown>;
  #lastWords = "";

  constructor(entrant: Entrant) {
    this.entrant = entrant;
    const { engine, threads, python } = entrant;
    const program = fileURLToPath(new URL(python ? "../peers/train.py" : "./ours.ts", import.meta.url));
    // They hold OpenBLAS to older instructions on some machines.
    const { OPENBLAS_CORETYPE: _, OPENBLAS_L2_SIZE: __, ...env } = process.env;
    const flags = NODE_FLAGS[engine] ?? [];
    const child = spawn(python ?? process.execPath, [...flags, program, engine, String(threads)], { env });
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once("close", resolve).once("error", resolve));
    child.stdin.on("error", () => {}); // of a process that has ended: its reply is missing, which is what is told
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-LAST_WORDS);
    });
    this.#replies = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** Throws where it refuses, and where the process ends without a reply, with what that wrote last. */
  async ask<C extends Command>(command: C): Promise<Replies[C["do"]]> {
    const { engine, threads } = this.entrant;
    this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
    const { value, done } = await this.#replies.next();
    if (done) {
      await this.#ended;
      const words = this.#lastWords.trim();
      throw new Error(`${engine} on ${threads}: got no reply to ${command.do}, expected one: ${words}`);
    }
    const reply = JSON.parse(value) as Replies[C["do"]] | Refusal;
    if ("error" in reply) throw new Error(`${engine} on ${threads}: ${reply.error}`);
    return reply;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin?.end();
    this.#child.kill();
    await this.#ended;
  }
}
