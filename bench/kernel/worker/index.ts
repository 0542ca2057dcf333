// A Worker that scores a batch many times, so that it can be timed from outside: clocks stand still inside a request.
//   PUT /?fields=F&context=C   a blob: loads it; the first C fields are the context's
//   POST /?times=N&batch=B&rank=0   row numbers, F u32 a record: scores B records at a time, N times, each time the next B;
//                                   with rank=1 as candidates of the first record's context
import module from "../../../build/kernel.relaxed.wasm";
import { Kernel } from "../../../format/kernel.ts";
import { placeBlob } from "../../../format/placed-blob.ts";
import { Caller } from "../caller.ts";

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
  const rows = new Uint32Array(await request.arrayBuffer());
  const caller = new Caller(kernel, fields, rows, context);
  const batch = number("batch");
  const rank = number("rank") === 1;
  const logits = new Float32Array(batch);
  let first = 0;
  for (let time = 0; time < number("times"); time++) {
    if (rank) caller.rank(first, batch, logits);
    else caller.score(first, batch, logits);
    first = (first + batch) % (rows.length / fields - batch + 1);
  }
  return new Response(logits);
}

export default { fetch: handle };
