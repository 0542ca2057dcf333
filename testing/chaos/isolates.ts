// The isolates that a Worker has, one after the other, each in a workerd of its own over the same store.
import { fileURLToPath } from "node:url";
import type { MemoryReport } from "../../worker/memory/memory-budget.ts";
import { bundleWorker, type WorkerBundle } from "../attack/bundle.ts";
import { HEAP_MB, TOKENS, tokenEntries } from "../attack/server.ts";
import { Workerd } from "../attack/workerd.ts";
import { type Timeline, VersionsSeen } from "./timeline.ts";
import { CLOCK, MEMORIES } from "./worker/routes.ts";

/** A new process of workerd, and how many requests it has yet to answer. */
export interface Isolate {
  url: URL;
  workerd: Workerd;
  waiting: number;
  /** Called when nothing waits any more. */
  onIdle: () => void;
  seen: VersionsSeen;
}

/** The memory of an isolate, in bytes: what there is, and what the Worker believes. */
export interface Account {
  /** Each WebAssembly memory that something refers to. */
  memories: number[];
  /** As `/metrics` has them: the memory of each model that serves, and all that is taken. */
  models: number[];
  taken: number;
  /** How many loads there was no memory for. */
  refusedLoads: number;
  /** As the budget has them. */
  takenByModels: number;
  peak: number;
  budget: number;
}

const ADMIN = { authorization: `Bearer ${TOKENS.admin}` };
const ENTRY = fileURLToPath(new URL("worker/index.ts", import.meta.url));

export class Isolates implements AsyncDisposable {
  readonly #bundle: WorkerBundle;
  readonly #address: string;
  readonly #timeline: Timeline;
  readonly #onLog: (level: string, message: string) => void;
  #current: Isolate;

  private constructor(options: IsolateOptions, bundle: WorkerBundle, first: Isolate) {
    this.#bundle = bundle;
    this.#address = options.address;
    this.#timeline = options.timeline;
    this.#onLog = options.onLog;
    this.#current = first;
  }

  static async start(options: IsolateOptions): Promise<Isolates> {
    await using stack = new AsyncDisposableStack();
    const bundle = stack.use(await bundleWorker(ENTRY));
    const first = await startIsolate(bundle, options);
    stack.move();
    return new Isolates(options, bundle, first);
  }

  /** The one that new requests go to. */
  get current(): Isolate {
    return this.#current;
  }

  /** Starts another one, which knows nothing yet. The one before answers what it has been asked, and then has ended. */
  async restart(): Promise<{ ended: Promise<void> }> {
    const before = this.#current;
    const options = { address: this.#address, timeline: this.#timeline, onLog: this.#onLog };
    this.#current = await startIsolate(this.#bundle, options);
    return { ended: endWhenIdle(before) };
  }

  /** Puts the clock of the one that serves forward. */
  async putForward(ms: number): Promise<void> {
    const { ok, status } = await fetch(new URL(CLOCK, this.#current.url), { method: "POST", body: String(ms) });
    if (!ok) throw new Error(`${CLOCK}: got ${status}`);
  }

  /** What the Worker says of itself, and the bytes of each WebAssembly memory that it has. */
  async account(): Promise<Account> {
    const read = (path: string) => fetch(new URL(path, this.#current.url), { headers: ADMIN });
    const metrics = await (await read("/metrics")).text();
    const { memory } = (await (await read("/readyz")).json()) as { memory: MemoryReport };
    const memories = (await (await read(MEMORIES)).json()) as number[];
    const values = (name: string): number[] =>
      [...metrics.matchAll(new RegExp(`^deepfm_edge_${name}(?:\\{.*\\})? (\\d+)$`, "gm"))].map(([, n]) => Number(n));
    return {
      memories,
      models: values("model_memory_bytes"),
      taken: values("memory_bytes").reduce((a, b) => a + b, 0),
      refusedLoads: Number(/^deepfm_edge_model_loads_total\{.*\bresult="refused".*\} (\d+)$/m.exec(metrics)?.[1] ?? 0),
      takenByModels: memory.taken.models,
      ...{ peak: memory.peak, budget: memory.budget },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#current.workerd[Symbol.asyncDispose]();
    await this.#bundle[Symbol.asyncDispose]();
  }
}

export interface IsolateOptions {
  /** Host and port of the store. */
  address: string;
  timeline: Timeline;
  onLog: (level: string, message: string) => void;
}

async function endWhenIdle(isolate: Isolate): Promise<void> {
  if (isolate.waiting > 0)
    await new Promise<void>((resolve) => {
      isolate.onIdle = resolve;
    });
  await isolate.workerd[Symbol.asyncDispose]();
}

async function startIsolate(bundle: WorkerBundle, { address, timeline, onLog }: IsolateOptions): Promise<Isolate> {
  const workerd = await Workerd.start({
    bundle,
    v8Flags: [`--max-heap-size=${HEAP_MB}`, "--expose-gc"],
    texts: { TOKENS: await tokenEntries() },
    kvNamespaces: { MODELS: address },
    onLog,
  });
  return { url: workerd.url, workerd, waiting: 0, onIdle: () => {}, seen: new VersionsSeen(timeline) };
}
