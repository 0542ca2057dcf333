// A Worker that scores a batch many times, so that it can be timed from outside: clocks stand still inside a request.
//   PUT /?fields=F&context=C   a blob: loads it; the first C fields are the context's
//   POST /?times=N&batch=B&way=W    row numbers, F u32 a record, then the number of each record's item: scores B records at a
//                                   time, N times, each time the next B; W as in ../contestant.ts
import module from "../../../build/kernel.relaxed.wasm";
import { Kernel } from "../../../format/kernel.ts";
import { placeBlob } from "../../../format/placed-blob.ts";
import { Caller } from "../caller.ts";
import type { Way } from "../contestant.ts";

let kernel: Kernel | null = null;
let fields = 0;
let context = 0;

async function handle(request: Request): Promise<Response> {
  const { searchParams } = new URL(request.url);
  const number = (name: string): number => Number(searchParams.get(name));
  if (request.method === "PUT") {
    [fields, context] = [number("fields"), number("context")];
    kernel = new Kernel(placeBlob(module, new Uint8Array(await request.arrayBuffer())), fields);
    return new Response();
  }
  if (!kernel) return new Response("no blob was put", { status: 409 });
  const body = new Uint32Array(await request.arrayBuffer());
  const records = body.length / (fields + 1);
  const caller = new Caller(kernel, fields, body.subarray(0, records * fields), context);
  const batch = number("batch");
  const way = searchParams.get("way") as Way;
  const logits = new Float32Array(batch);
  let first = 0;
  for (let time = 0; time < number("times"); time++) {
    caller.run(way, first, batch, logits, body.subarray(records * fields));
    first = (first + batch) % (records - batch + 1);
  }
  return new Response(logits);
}

export default { fetch: handle };
