// The Worker as it is deployed, with two routes more for whoever shakes it: a clock that can be put forward, so that
// pointers grow old in no time, and the memories that its engine really has.
import { createApp } from "../../../worker/app.ts";
import { CLOCK, MEMORIES } from "./routes.ts";

/** What V8 adds with --expose-gc. */
declare const gc: () => void;

const memories = new Set<WeakRef<WebAssembly.Memory>>();
WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
  construct(target, args) {
    const instance = Reflect.construct(target, args);
    const { memory } = instance.exports;
    if (memory instanceof WebAssembly.Memory) memories.add(new WeakRef(memory));
    return instance;
  },
});

let ahead = 0;
const app = createApp({ now: () => Date.now() + ahead });

export default {
  async fetch(request: Request, env: never, context: never): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === CLOCK) {
      ahead += Number(await request.text());
      return new Response();
    }
    if (pathname === MEMORIES) return Response.json(await liveMemories());
    return app.fetch(request, env, context);
  },
};

async function liveMemories(): Promise<number[]> {
  // A WeakRef keeps what it gave for as long as the task lasts that asked it.
  await new Promise((resolve) => setTimeout(resolve));
  gc();
  return [...memories].flatMap((memory) => memory.deref()?.buffer.byteLength ?? []);
}
