// Workers KV in a process of its own: miniflare's, which a Worker before it hands out as the platform does to workerd.
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { writeDefault, writePointer } from "../../format/pointer.ts";
import { blobKey, defaultKey, pageKey, pointerKey } from "../../format/store.ts";
import type { AttackModel } from "./model.ts";

/** The requests that a KV binding of workerd makes, for what the Worker reads: one key, and several at once. */
const SCRIPT = `export default {
  async fetch(request, { MODELS }) {
    const { pathname } = new URL(request.url);
    if (pathname === "/bulk/get") {
      const { keys, type } = await request.json();
      return Response.json(Object.fromEntries(await MODELS.get(keys, type ?? "text")));
    }
    const value = await MODELS.get(decodeURIComponent(pathname.slice(1)), "stream");
    return value === null ? new Response(null, { status: 404 }) : new Response(value);
  },
};`;

/** Workers KV that has the model. `address`: its host and port. */
export interface KvServer extends AsyncDisposable {
  address: string;
}

export async function startKv({ name, version, blob, pages }: AttackModel): Promise<KvServer> {
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({ modules: true, script: SCRIPT, kvNamespaces: ["MODELS"] }),
  );
  try {
    const kv = await miniflare.getKVNamespace("MODELS");
    for (const { digest, bytes } of pages) await kv.put(pageKey(digest), Buffer.from(bytes).toString("base64"));
    await kv.put(blobKey(version), Uint8Array.from(blob).buffer);
    await kv.put(pointerKey(name), writePointer({ version, since: Date.now(), previous: null }));
    await kv.put(defaultKey(), writeDefault(name));
    const { host } = await miniflare.ready;
    return { address: host, [Symbol.asyncDispose]: () => miniflare.dispose() };
  } catch (error) {
    await miniflare.dispose();
    throw error;
  }
}
