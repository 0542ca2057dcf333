// A Worker that takes one step of loading a blob many times in one request. It is timed from outside, because clocks
// stand still in workerd while it computes.
//   PUT /?version=HEX&key=BASE64
//     keeps the body, a sealed blob, here and in KV; key: the public key of its signature, empty if it has none
//   POST /?step=NAME&times=N
//     takes a step of ../steps.ts, or a read from KV, N times
import relaxed from "../../../build/kernel.relaxed.wasm";
import { Deadline } from "../../../worker/http/promises.ts";
import { streamBlob } from "../../../worker/models/stream-blob.ts";
import { LoadSteps, type StepName } from "../steps.ts";

const KEY = "blob";

let steps: LoadSteps | null = null;

async function handle(request: Request, { KV: kv }: { KV: KVNamespace }): Promise<Response> {
  const { searchParams } = new URL(request.url);
  if (request.method === "PUT") {
    const blob = await request.arrayBuffer();
    await kv.put(KEY, blob);
    const [version, key] = [searchParams.get("version") ?? "", searchParams.get("key") ?? ""];
    steps = new LoadSteps(relaxed, new Uint8Array(blob), version, key);
    return new Response();
  }
  if (!steps) return new Response("no blob was put", { status: 409 });
  const step = searchParams.get("step");
  const times = Number(searchParams.get("times"));
  if (step === "KV to memory") for (let time = 0; time < times; time++) await readToMemory(kv);
  else if (step === "KV to buffer") for (let time = 0; time < times; time++) await kv.get(KEY, { type: "arrayBuffer" });
  else await steps.take(step as StepName, times);
  return new Response();
}

async function readToMemory(kv: KVNamespace): Promise<void> {
  const stream = await kv.get(KEY, { type: "stream" });
  using deadline = new Deadline(60_000, () => new Error("KV is too slow"));
  if (stream) await streamBlob(relaxed, stream, deadline);
}

export default { fetch: handle };
