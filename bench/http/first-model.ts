// The models of the HTTP benchmark for a checkout from before bench/http/model.ts, such as commit 2dcb393. Its Worker
// serves the one model that the key "model" names, and its own modules write that model.
import type { Hash64 } from "../../format/hash.ts";
import { importFrom } from "../checkout.ts";
import { type HttpModel, type HttpShape, httpModel, type ModelFormat } from "./model.ts";

/** What is used of the checkout, by file. */
interface RecordModule {
  fieldSeed(name: string): number;
  rowKey(seed: number, text: string, out: Hash64): Hash64;
}

interface StoreModule {
  pointerKey(): string;
  blobKey(hash: string): string;
  pageKey(digest: Uint8Array): string;
  writePointer(pointer: { model: string }): string;
}

interface SealModule {
  sealExport(draft: object, evidence: object, records: object): Promise<{ hash: string; blob: Uint8Array }>;
}

/** The same functions as model.ts has, for such a checkout. Throws if it has not the modules that they need. */
export async function firstModels(folder: string) {
  const [{ randomModel }, { pageDigest, writePage }, { fieldSeed, rowKey }, store, { sealExport }] = await Promise.all([
    importFrom<Pick<ModelFormat, "randomModel">>(folder, "test/kernel/random-model.ts"),
    importFrom<Pick<ModelFormat, "pageDigest" | "writePage">>(folder, "format/page.ts"),
    importFrom<RecordModule>(folder, "format/record.ts"),
    importFrom<StoreModule>(folder, "format/store.ts"),
    importFrom<SealModule>(folder, "trainer/export/seal.ts"),
  ]);
  return {
    httpModel: (shape: HttpShape, name: string, seed: number): Promise<HttpModel> =>
      httpModel(shape, name, seed, {
        randomModel,
        rowKeyHash: (field) => {
          const own = fieldSeed(field);
          return (text, out) => rowKey(own, text, out);
        },
        writePage,
        pageDigest,
        async seal({ model, pages }, _cold, golden) {
          const { hash, blob } = await sealExport({ model, pages }, {}, golden);
          return { model: name, version: hash, blob, pages };
        },
        unsorted: {},
      }),

    /** What a Worker serves the first of these models from. */
    kvPairs([{ exported }]: readonly Pick<HttpModel, "exported">[]): Map<string, string | Uint8Array> {
      const { version, blob, pages } = exported;
      const pairs = new Map<string, string | Uint8Array>();
      for (const page of pages)
        if ("bytes" in page) pairs.set(store.pageKey(page.digest), Buffer.from(page.bytes).toString("base64"));
      pairs.set(store.blobKey(version), blob);
      pairs.set(store.pointerKey(), store.writePointer({ model: version }));
      return pairs;
    },
  };
}
