import { PAGE_DIGEST_BYTES } from "../format/constants.ts";
import { FormatError } from "../format/errors.ts";
import type { PublishedManifest } from "../format/published-manifest.ts";
import { uploadedKey, uploadKey } from "../format/store.ts";
import { readUpload, readUploaded, type Upload, type Uploaded, writeUpload, writeUploaded } from "../format/upload.ts";
import { deleteAll, type KvStore, textOf, textsOf } from "./kv/kv-store.ts";

/**
 * What the store remembers of an upload until it has ended: which pages it is to bring, so that `prune` leaves them
 * alone, and how far it is, so that whoever takes it up again sends the rest alone.
 */
export class UploadJournal {
  readonly #store: KvStore;
  readonly #version: string;
  /** Whether there was a journal of this version, of an upload that was stopped; null: it has not been read. */
  #wasThere: boolean | null = null;
  #hasUploaded = false;

  constructor(store: KvStore, version: string) {
    this.#store = store;
    this.#version = version;
  }

  /** The upload of the version that was stopped; null where none was. */
  async stopped(): Promise<Upload | null> {
    const text = await textOf(this.#store, uploadKey(this.#version));
    return readable(() => readUpload(text ?? "", this.#version));
  }

  /**
   * Begins, or begins again where an upload of the version was stopped. Returns how far that one had come, unless that
   * is to be forgotten: whoever repairs believes nothing. Where the stopped one was to store the blob in another form,
   * nothing of the blob counts.
   */
  async begin(manifest: PublishedManifest, now: number, forgets: boolean): Promise<Uploaded> {
    const [upload, uploaded] = [uploadKey(this.#version), uploadedKey(this.#version)];
    const texts = await textsOf(this.#store, [upload, uploaded]);
    const before = readable(() => readUpload(texts.get(upload) ?? "", this.#version));
    const far = before && readable(() => readUploaded(texts.get(uploaded) ?? "", this.#version));
    this.#wasThere ??= before !== null;
    this.#hasUploaded = (texts.get(uploaded) ?? null) !== null;
    // Progress that belongs to no upload must not become that of this one.
    if (this.#hasUploaded && (forgets || !before)) await this.#store.delete([uploaded]);
    const pages = manifest.pageDigests.length / PAGE_DIGEST_BYTES;
    const most = forgets ? 0 : before?.base === manifest.base ? Number.POSITIVE_INFINITY : pages;
    const begun = { time: far?.time ?? 0, values: Math.min(far?.values ?? 0, most) };
    if (far && !forgets && begun.values < far.values) await this.note(begun);
    await this.#store.putTexts([{ key: upload, value: writeUpload({ time: now, ...manifest }) }]);
    // Who removes what was stopped long ago takes away first how far that was: from now on nobody does so any more.
    const isStill = begun.values === 0 || (await textOf(this.#store, uploaded)) !== null;
    return isStill ? begun : { time: 0, values: 0 };
  }

  /** Notes that so many values are stored. */
  async note(uploaded: Uploaded): Promise<void> {
    await this.#store.putTexts([{ key: uploadedKey(this.#version), value: writeUploaded(uploaded) }]);
    this.#hasUploaded = true;
  }

  /** Ends an upload that was given up before anything was sent; one that was stopped earlier can still be taken up. */
  async giveUp(): Promise<void> {
    if (!this.#wasThere) await this.end();
  }

  async end(): Promise<void> {
    const uploaded = this.#hasUploaded ? [uploadedKey(this.#version)] : [];
    await deleteAll(this.#store, [...uploaded, uploadKey(this.#version)]);
  }
}

/** When the last value of an upload was written, in milliseconds since the epoch; null where nothing readable says. */
export async function timeNoted(store: KvStore, version: string): Promise<number | null> {
  const text = await textOf(store, uploadedKey(version));
  return text === null ? null : (readable(() => readUploaded(text, version))?.time ?? null);
}

/** What `read` gives; null where what it reads is missing or damaged. */
function readable<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}
