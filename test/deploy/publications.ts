// What tests do with a store: publish into it, and read what a model's pointer says.
import type { KvStore } from "../../deploy/kv/kv-store.ts";
import { Publication } from "../../deploy/publication.ts";
import { readPointer } from "../../format/pointer.ts";
import { pointerKey } from "../../format/store.ts";
import type { MemoryKv } from "./memory-kv.ts";

export function publication(store: KvStore, repair = false): Publication {
  return new Publication(store, { repair });
}

/** What the pointer of a model says. */
export function pointed(store: MemoryKv, model: string): ReturnType<typeof readPointer> {
  return readPointer(store.values.get(pointerKey(model)) ?? "", model);
}
