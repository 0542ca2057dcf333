import { PAGE_DIGEST_BYTES } from "../format/constants.ts";
import { FormatError, show } from "../format/errors.ts";
import { modelName } from "../format/field-schemas.ts";
import { findVersion } from "../format/history.ts";
import { pageDigest } from "../format/page.ts";
import { parseWith } from "../format/parse.ts";
import { type PublishedManifest, readPublishedManifest } from "../format/published-manifest.ts";
import { readManifest } from "../format/read-blob.ts";
import { blobKey, manifestKey, pageKey } from "../format/store.ts";
import { UserError } from "../trainer/errors.ts";
import { type KvStore, MOST_READ, textOf, textsOf } from "./kv/kv-store.ts";
import { ModelRegistry } from "./registry.ts";
import { type StoredBlob, storedBlob } from "./stored-version.ts";

/** What a store has of a version. */
export interface Verification {
  version: string;
  /** Values that were read back: the blob, or a patch and the base that it is of, the manifest, and every page. */
  values: number;
  /** What is missing or damaged, each with its key; empty: nothing is. */
  faults: string[];
}

/**
 * Reads back all that belongs to a version: the one that serves, or one of the model's history, which `wanted` names as
 * for a rollback. Throws UserError where there is no such version, and FormatError where pointer or history are
 * damaged, so that it cannot be known.
 */
export async function verifyVersion(
  store: KvStore,
  model: string,
  wanted: string | null,
  advance: (values: number) => void = () => {},
): Promise<Verification> {
  const version = await versionOf(store, model, wanted);
  const faults: string[] = [];
  const fault = <T>(error: unknown): T | null => {
    if (!(error instanceof FormatError)) throw error;
    faults.push(error.message);
    return null;
  };
  const blob = await storedBlob(store, version).catch(fault<StoredBlob>);
  if (blob === null && faults.length === 0) faults.push(`${blobKey(version)}: missing`);
  const byBlob = blob && readManifest(blob.bytes).pageDigests;
  const manifest = await manifestOf(store, version).catch(fault<PublishedManifest>);
  if (byBlob && manifest && Buffer.compare(byBlob, manifest.pageDigests) !== 0)
    faults.push(`${manifestKey(version)}: got other pages than in ${blobKey(version)}`);
  if (blob && manifest && blob.bytes.length !== manifest.bytes)
    faults.push(
      `${manifestKey(version)}: got a blob of ${manifest.bytes} bytes, expected ${blob.bytes.length} as in ` +
        blobKey(version),
    );
  // By the manifest it is known what must stay for the version.
  if (blob && manifest && blob.base !== manifest.base)
    faults.push(
      `${manifestKey(version)}: got the base ${manifest.base ?? "none"}, expected ${blob.base ?? "none"} as in ` +
        blobKey(version),
    );
  const own = blob?.base ? 3 : 2;
  advance(own);

  const digests = byBlob ?? manifest?.pageDigests ?? new Uint8Array(0);
  for (let at = 0; at < digests.length; at += MOST_READ * PAGE_DIGEST_BYTES) {
    const some = digests.subarray(at, at + MOST_READ * PAGE_DIGEST_BYTES);
    faults.push(...(await pageFaults(store, some)));
    advance(some.length / PAGE_DIGEST_BYTES);
  }
  faults.push(...((await store.packedFaults?.(version, digests)) ?? []));
  return { version, values: own + digests.length / PAGE_DIGEST_BYTES, faults };
}

async function versionOf(store: KvStore, model: string, wanted: string | null): Promise<string> {
  parseWith(modelName, model, "model");
  const registry = new ModelRegistry(store);
  if (wanted === null) {
    const pointer = await registry.pointer(model);
    if (pointer) return pointer.version;
    throw new UserError(`${model}: got no pointer, expected the name of a published model; \`models\` lists them`);
  }
  const found = findVersion(await registry.history(model), wanted);
  if ("problem" in found) throw new UserError(`${model}: ${found.problem}; \`models ${model}\` lists them`);
  return found.version;
}

async function manifestOf(store: KvStore, version: string): Promise<PublishedManifest> {
  const text = await textOf(store, manifestKey(version));
  if (text === null) throw new FormatError(manifestKey(version), "missing");
  return readPublishedManifest(text, version);
}

/** What is missing or damaged of at most MOST_READ pages. */
async function pageFaults(store: KvStore, digests: Uint8Array): Promise<string[]> {
  const keys = Array.from({ length: digests.length / PAGE_DIGEST_BYTES }, (_, i) =>
    pageKey(digests.subarray(i * PAGE_DIGEST_BYTES, (i + 1) * PAGE_DIGEST_BYTES)),
  );
  const texts = await textsOf(store, keys);
  const faults: string[] = [];
  for (const key of keys) {
    const text = texts.get(key) ?? null;
    const problem = text === null ? "missing" : await problemOf(text, key);
    if (problem !== null) faults.push(`${key}: ${problem}`);
  }
  return faults;
}

/** What is wrong with the text of a page; null: nothing is. */
async function problemOf(text: string, key: string): Promise<string | null> {
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64") !== text) return `got ${show(text)}, expected base64`;
  const got = pageKey(await pageDigest(bytes));
  return got === key ? null : `got bytes that are named ${got}`;
}
