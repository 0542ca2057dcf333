import { FormatError } from "../format/errors.ts";
import { blobKey, pageKey } from "../format/store.ts";
import { UserError } from "../trainer/errors.ts";
import type { BlobForm } from "./blob-form.ts";
import { type KvStore, MOST_READ, textsOf } from "./kv/kv-store.ts";
import { storedBlob } from "./stored-version.ts";
import { blobPart, pageText, type UploadedModel } from "./uploaded-model.ts";

/**
 * Reads back what a version is to serve with: its blob, and as many of its pages as one bulk read may have, chosen at
 * random. One page in a hundred that is missing is noticed with a probability of 63 %, one in twenty with 99 %. Throws
 * UserError where something is not what was exported.
 */
export async function checkSample(
  store: KvStore,
  model: UploadedModel,
  form: BlobForm,
  random: () => number,
): Promise<void> {
  const { blob, pages } = model;
  if (form.base !== null) await checkPatch(store, model);
  else
    for (const [part, key] of form.keys.entries()) {
      const stored = await store.bytes(key);
      if (stored === null || Buffer.compare(stored, blobPart(blob, part)) !== 0) throw notAsExported(key, stored);
    }
  const chosen = new Set<number>();
  while (chosen.size < Math.min(MOST_READ, pages.length)) chosen.add(Math.floor(random() * pages.length));
  const sample = [...chosen].flatMap((i) => pages[i] ?? []);
  const texts = await textsOf(
    store,
    sample.map(({ digest }) => pageKey(digest)),
  );
  for (const page of sample) {
    const key = pageKey(page.digest);
    const stored = texts.get(key) ?? null;
    if (stored !== (await pageText(page))) throw notAsExported(key, stored);
  }
}

/** Throws UserError where what a store has does not make the blob. */
async function checkPatch(store: KvStore, { version, blob }: UploadedModel): Promise<void> {
  const stored = await storedBlob(store, version).catch((error) => {
    throw error instanceof FormatError ? notAsExported(error.place, error) : error;
  });
  if (stored === null || Buffer.compare(stored.bytes, blob) !== 0) throw notAsExported(blobKey(version), stored);
}

function notAsExported(key: string, stored: unknown): UserError {
  const got = stored === null ? "no value" : "another value";
  return new UserError(
    `${key}: got ${got} back, expected what was exported; the version before goes on serving. ` +
      "`publish --repair` reads all of them, and writes what is damaged or missing",
  );
}
