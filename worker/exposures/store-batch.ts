import { sha256, toHex } from "../../format/hash.ts";
import { logError } from "../http/log.ts";
import type { LineKind } from "./line-sink.ts";
import { readMessage } from "./queue-message.ts";

/** What is used of a batch that Queues delivers. */
export interface LineBatch {
  readonly messages: readonly LineMessage[];
}

export interface LineMessage {
  readonly id: string;
  /** When it was sent. */
  readonly timestamp: Date;
  /** How often it was delivered, this time included. */
  readonly attempts: number;
  readonly body: unknown;
  ack(): void;
  retry(options?: { delaySeconds?: number }): void;
}

/** What is used of a binding of R2. */
export interface ObjectWriter {
  put(key: string, value: Uint8Array): Promise<unknown>;
}

/** Seconds after which Queues delivers messages again, by how often it has; the last one from then on. */
const RETRY_SECONDS = [5, 15, 60, 300];

/**
 * Writes the lines of a batch into R2: newline JSON, compressed with gzip, one object for each kind of lines. What
 * cannot be written is delivered again, and after the retries of the configuration goes to the queue of dead letters;
 * so does a message that is none of ours. Without a bucket nothing can be written. Never rejects.
 */
export async function storeBatch({ messages }: LineBatch, bucket: ObjectWriter | null): Promise<void> {
  const byKind = Map.groupBy(messages, ({ body }) => readMessage(body)?.kind ?? null);
  for (const [kind, some] of byKind) {
    try {
      if (typeof bucket?.put !== "function") throw new Error("EXPOSURE_LOGS: got no binding, expected an R2 bucket");
      if (kind === null) throw new Error("got messages that are no lines of exposures or events");
      await bucket.put(await objectKey(kind, some), await compressed(some));
      for (const message of some) message.ack();
    } catch (error) {
      logError("lines_not_stored", error, { messages: some.length });
      for (const message of some) message.retry({ delaySeconds: retrySeconds(message) });
    }
  }
}

/**
 * `exposures/2026-11-26/15/` and 32 hex digits: the day and the hour (UTC) in which the first message was sent, and the
 * beginning of the SHA-256 of the messages' ids. So a batch that is delivered twice is one object.
 */
async function objectKey(kind: LineKind, messages: readonly LineMessage[]): Promise<string> {
  const first = new Date(Math.min(...messages.map(({ timestamp }) => timestamp.getTime())));
  const [day, time = ""] = first.toISOString().split("T");
  const ids = messages.map(({ id }) => id).sort();
  const digest = toHex(await sha256(new TextEncoder().encode(ids.join("\n"))));
  return `${kind}/${day}/${time.slice(0, 2)}/${digest.slice(0, 32)}.ndjson.gz`;
}

/** gzip makes a third of the lines, and DuckDB reads it as it is. */
async function compressed(messages: readonly LineMessage[]): Promise<Uint8Array> {
  const parts = messages.map(({ body }) => readMessage(body)?.lines ?? new Uint8Array());
  const stream = new Blob(parts as Uint8Array<ArrayBuffer>[]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function retrySeconds({ attempts }: LineMessage): number {
  return RETRY_SECONDS[Math.min(attempts, RETRY_SECONDS.length) - 1] ?? 0;
}
