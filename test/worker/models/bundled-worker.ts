import { env } from "cloudflare:workers";
import type { TestBindings } from "../client.ts";
import type { TinyModel } from "../tiny-model.ts";

/** Bindings of a Worker that was deployed with a model, or with other assets alone. */
export function withBundled(model: TinyModel | null, bindings: TestBindings = {}): TestBindings {
  const fetch = async (url: string): Promise<Response> =>
    model && new URL(url).pathname === "/bundled/model.blob"
      ? new Response(model.blob as Uint8Array<ArrayBuffer>)
      : new Response("none", { status: 404 });
  return { ...bindings, ASSETS: { fetch } };
}

/** The KV namespace, which does `before` before each read. */
export function failingKv(before: (keys: string | string[]) => Promise<void>): KVNamespace {
  const get = async (keys: string, options: "text"): Promise<unknown> => {
    await before(keys);
    return env.MODELS.get(keys, options);
  };
  return new Proxy(env.MODELS, { get: (kv, name) => (name === "get" ? get : Reflect.get(kv, name)) });
}
