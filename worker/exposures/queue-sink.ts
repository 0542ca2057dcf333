import { MAX_QUEUE_MESSAGES, QUEUE_MESSAGE_BYTES } from "./limits.ts";
import type { LineKind, LineSink } from "./line-sink.ts";
import { messageBytes, writeMessage } from "./queue-message.ts";

/** What is used of a binding of Cloudflare Queues. */
export interface QueueProducer {
  send(body: Uint8Array, options: { contentType: "bytes" }): Promise<unknown>;
  sendBatch(messages: Iterable<{ body: Uint8Array; contentType: "bytes" }>): Promise<unknown>;
}

/** Sends lines to a queue: as many in a message as are billed as one, and all messages in one call. */
export function queueSink(queue: QueueProducer): LineSink {
  return {
    async send(kind, lines) {
      const bodies = packed(kind, lines).map((some) => writeMessage(kind, some));
      const [only, ...others] = bodies;
      if (!only) return;
      if (others.length === 0) await queue.send(only, { contentType: "bytes" });
      for (let i = 0; others.length > 0 && i < bodies.length; i += MAX_QUEUE_MESSAGES) {
        const some = bodies.slice(i, i + MAX_QUEUE_MESSAGES);
        await queue.sendBatch(some.map((body) => ({ body, contentType: "bytes" })));
      }
    },
  };
}

/** Lines in the order given, by messages. One that is longer than a message may be has its own. */
function packed(kind: LineKind, lines: readonly Uint8Array[]): Uint8Array[][] {
  const messages: Uint8Array[][] = [];
  let [last, bytes]: [Uint8Array[], number] = [[], Number.POSITIVE_INFINITY];
  for (const line of lines) {
    if (bytes + line.length + 1 > QUEUE_MESSAGE_BYTES) {
      last = [];
      messages.push(last);
      bytes = messageBytes(kind, []);
    }
    last.push(line);
    bytes += line.length + 1;
  }
  return messages;
}
