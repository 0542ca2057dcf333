// The Worker as it is deployed, in a workerd of its own over KV in another process, with no proxy before it.
import { generateToken, SCOPES, type Scope, writeTokenEntry } from "../../format/tokens.ts";
import type { MemoryReport } from "../../worker/memory/memory-budget.ts";
import { bundleWorker } from "./bundle.ts";
import { startKv } from "./kv-server.ts";
import type { AttackModel } from "./model.ts";
import { Workerd } from "./workerd.ts";

export interface AttackedServer extends AsyncDisposable {
  url: URL;
  /** The process id of workerd, which runs nothing but the Worker. */
  pid: number;
  /** What the Worker's own budget of memory says. */
  memory(): Promise<MemoryReport>;
  /** What the Worker has logged as an error since the last call, a line each. */
  takeErrors(): string[];
}

/** The tokens that the Worker knows. */
export const TOKENS: Readonly<Record<Scope, string>> = {
  score: generateToken(),
  explain: generateToken(),
  admin: generateToken(),
};

/**
 * Megabytes of V8's heap. An isolate of the platform has 128 MB, of which the Worker keeps account of 96 MiB, most of
 * them arrays outside of the heap. The local runtime has no limit of its own, and would let garbage lie.
 */
export const HEAP_MB = 32;

/** Bundles the Worker as wrangler would upload it, and starts it in workerd, over KV in another process. */
export async function startServer(model: AttackModel): Promise<AttackedServer> {
  await using stack = new AsyncDisposableStack();
  const errors: string[] = [];
  const bundle = stack.use(await bundleWorker());
  const kv = stack.use(await startKv(model));
  const workerd = stack.use(
    await Workerd.start({
      bundle,
      v8Flags: [`--max-heap-size=${HEAP_MB}`],
      texts: { TOKENS: await tokenEntries() },
      kvNamespaces: { MODELS: kv.address },
      onLog: (level, message) => {
        if (level === "error") errors.push(message);
      },
    }),
  );
  const { url, pid } = workerd;
  const running = stack.move();
  return {
    url,
    pid,
    async memory() {
      const response = await fetch(new URL("/readyz", url), { headers: { authorization: `Bearer ${TOKENS.admin}` } });
      return ((await response.json()) as { memory: MemoryReport }).memory;
    },
    takeErrors: () => errors.splice(0),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** The setting of the Worker that makes the tokens known to it. */
export async function tokenEntries(): Promise<string> {
  return (await Promise.all(SCOPES.map((scope) => writeTokenEntry(scope, scope, TOKENS[scope])))).join(" ");
}
