// A Worker that scores the same batch size many times in one request. It is timed from outside, because clocks stand
// still in workerd while it computes.
//   PUT /?name=X&part=rows
//     keeps the records of case X: the body is F row numbers (u32) a record, then the number of each record's item
//   PUT /?name=X&part=blob&fields=F&context=C
//     loads the body, a blob, for case X; the first C of the F fields are the context's
//   POST /?name=X&calls=N&batch=B&way=W&first=R
//     makes N calls of B records each, the first of them from record R on, the next from where the last one ended; W
//     is a Way of ../contestant.ts; answers with the last call's logits
//   DELETE /
//     forgets all cases
import module from "../../../build/kernel.relaxed.wasm";
import { Kernel } from "../../../runtime/kernel.ts";
import { placeBlob } from "../../../runtime/placed-blob.ts";
import { Caller } from "../caller.ts";
import type { Way } from "../contestant.ts";

interface Loaded {
  caller: Caller;
  records: number;
  items: Uint32Array;
}

const rows = new Map<string, Uint32Array>();
const loaded = new Map<string, Loaded>();

async function handle(request: Request): Promise<Response> {
  const { searchParams } = new URL(request.url);
  const text = (key: string): string => searchParams.get(key) ?? "";
  const number = (key: string): number => Number(text(key));
  const name = text("name");
  if (request.method === "PUT" && text("part") === "rows") {
    rows.set(name, new Uint32Array(await request.arrayBuffer()));
    return new Response();
  }
  if (request.method === "PUT") {
    const [fields, context] = [number("fields"), number("context")];
    const kernel = new Kernel(placeBlob(module, new Uint8Array(await request.arrayBuffer())), fields);
    const numbers = rows.get(name) ?? new Uint32Array(0);
    const records = numbers.length / (fields + 1);
    const caller = new Caller(kernel, fields, numbers.subarray(0, records * fields), context);
    loaded.set(name, { caller, records, items: numbers.subarray(records * fields) });
    return new Response();
  }
  if (request.method === "DELETE") {
    loaded.clear();
    rows.clear();
    return new Response();
  }
  const model = loaded.get(name);
  if (!model) return new Response("no blob of this name was put", { status: 409 });
  const batch = number("batch");
  const logits = new Float32Array(batch);
  let first = number("first");
  for (let call = 0; call < number("calls"); call++) {
    model.caller.run(text("way") as Way, first, batch, logits, model.items);
    first = (first + batch) % (model.records - batch + 1);
  }
  return new Response(logits);
}

export default { fetch: handle };
