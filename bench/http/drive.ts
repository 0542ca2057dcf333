import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Drive, Job } from "./driver.ts";
import type { Arrivals } from "./open-loop.ts";

const SCRIPT = fileURLToPath(new URL("driver.ts", import.meta.url));

/** The process that sends requests. It ends with this one. */
export class Driver implements Disposable {
  readonly #child: ChildProcess = fork(SCRIPT, { stdio: ["ignore", "ignore", "inherit", "ipc"] });

  /** Sends a job's requests. Throws where one of them is not answered with 200. */
  async drive(job: Job | Arrivals): Promise<Drive> {
    const answered = once(this.#child, "message");
    this.#child.send(job);
    const [message] = (await answered) as [{ drive: Drive } | { error: string }];
    if ("error" in message) throw new Error(message.error);
    return message.drive;
  }

  [Symbol.dispose](): void {
    this.#child.kill();
  }
}
