// The thread that reads training logs for ./read-ahead.ts. It reads several at once where that is asked for, each for a
// port of its own.
import { type MessagePort, parentPort } from "node:worker_threads";
import { faultOf, type ThreadFault } from "../io/thread-fault.ts";
import { type Dataset, pickRecords } from "./dataset.ts";
import { type EpochPlan, readEpoch } from "./epoch.ts";
import { hasPlainEntries } from "./plain-entries.ts";

/** An epoch to read. Each message that comes to `port` makes room for one batch more than the first `ahead`. */
export interface ReadRequest {
  plan: EpochPlan;
  ahead: number;
  port: MessagePort;
}

/** A batch. It has no offsets and values where they are those of `plainEntries`. */
export type ReadBatch = Omit<Dataset, "offsets" | "values"> & Partial<Dataset>;

/** A batch, what went wrong, or the end of the epoch. */
export type Read = ReadBatch | { fault: ThreadFault } | null;

async function read({ plan, ahead, port }: ReadRequest): Promise<void> {
  let room = ahead;
  let closed = false;
  let wake = (): void => {};
  port.on("message", () => {
    room++;
    wake();
  });
  port.on("close", () => {
    closed = true;
    wake();
  });
  for await (const { dataset, records } of readEpoch(plan)) {
    while (room === 0 && !closed) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    if (closed) return;
    room--;
    const picked = pickRecords(dataset, records, plan.file.layout.fields);
    const { offsets, values, ...rest } = picked;
    const batch: ReadBatch = hasPlainEntries(picked) ? rest : picked;
    port.postMessage(batch, buffersOf(batch));
  }
  port.postMessage(null);
}

/** What is handed over, and not copied. */
function buffersOf({ labels, weights, offsets, rows, values }: ReadBatch): ArrayBuffer[] {
  return [labels, weights, offsets, rows, values].flatMap((array) => (array ? [array.buffer as ArrayBuffer] : []));
}

parentPort?.on("message", (request: ReadRequest) => {
  read(request).catch((error: unknown) => request.port.postMessage({ fault: faultOf(error) }));
});
