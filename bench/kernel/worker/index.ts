// A Worker that scores one batch many times, so that it can be timed from outside: clocks stand still inside a request.
//   PUT /?fields=F   a blob: loads it
//   POST /?times=N&batch=B&records=R   R × F u32 row numbers: scores B of them at a time, N times, each time the next B
import module from "../../../build/kernel.relaxed.wasm";
import { MAX_BATCH } from "../../../format/constants.ts";
import { Kernel } from "../../../format/kernel.ts";

let kernel: Kernel | null = null;
let fields = 0;

async function handle(request: Request): Promise<Response> {
  const { searchParams } = new URL(request.url);
  const number = (name: string): number => Number(searchParams.get(name));
  if (request.method === "PUT") {
    fields = number("fields");
    kernel = new Kernel(module, new Uint8Array(await request.arrayBuffer()), fields);
    return new Response();
  }
  if (!kernel) return new Response("no blob was put", { status: 409 });
  const { rowsAddress, rowBytes } = kernel;
  const rows = new Uint32Array(await request.arrayBuffer());
  const addresses = rows.map((row) => rowsAddress + row * rowBytes);
  const [times, batch, records] = [number("times"), number("batch"), number("records")];
  const offsets = Uint32Array.from({ length: MAX_BATCH * fields + 1 }, (_, i) => i);
  const values = new Float32Array(MAX_BATCH * fields).fill(1);
  const logits = new Float32Array(batch);
  const scores = new Float32Array(batch);
  let first = 0;
  for (let time = 0; time < times; time++) {
    for (let done = 0; done < batch; done += MAX_BATCH) {
      const count = Math.min(MAX_BATCH, batch - done);
      const start = (first + done) * fields;
      const one = {
        offsets: offsets.subarray(0, count * fields + 1),
        addresses: addresses.subarray(start, start + count * fields),
        values: values.subarray(0, count * fields),
      };
      kernel.score(one, logits.subarray(done, done + count), scores.subarray(done, done + count));
    }
    first = (first + batch) % (records - batch + 1);
  }
  return new Response(logits);
}

export default { fetch: handle };
