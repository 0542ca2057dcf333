import { type Dirent, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import { PAGE_DIGEST_BYTES } from "../../format/constants.ts";
import { counted } from "../../format/counted.ts";
import { FormatError } from "../../format/errors.ts";
import { readPublishedManifest } from "../../format/published-manifest.ts";
import { manifestKey, packedPagesKey, pageKey } from "../../format/store.ts";
import { UserError } from "../../trainer/errors.ts";
import { WholeFile, writeWhole } from "../../trainer/io/files.ts";
import { statsOf } from "../../trainer/io/folders.ts";
import { lastSign } from "../../trainer/io/heartbeat.ts";
import { readFault, systemFault } from "../../trainer/io/system-fault.ts";
import { isTemporary, removeQuietly, removeRemains, temporaryPath } from "../../trainer/io/temporary.ts";
import type { KvPair, KvStore } from "./kv-store.ts";

/** What the keys of row pages begin with. */
const PAGES = pageKey(new Uint8Array(0));
const MANIFESTS = manifestKey("");
const PACKED = packedPagesKey("");

/**
 * A folder as a store: each value is a file, and its key the file's path. It is what a Worker reads through a binding
 * of static assets. Pages are files of bytes there, and not of text. `packed`: all pages of a version also become one
 * file, in the order of their numbers and in places of equal size, which is how a Worker reads them from R2. They do so
 * anyway where the folder has that of another version.
 */
export class FolderStore implements KvStore {
  readonly #folder: string;
  readonly #packed: boolean;
  /** Whether pages that killed processes left half written are removed. */
  #isTidy = false;

  /** Throws UserError where the path is something else than a folder. */
  constructor(folder: string, packed: boolean) {
    checkStoreFolder(folder);
    this.#folder = folder;
    this.#packed = packed;
  }

  async keys(prefix: string): Promise<Set<string>> {
    // Every key but the default's is below one folder.
    const [top = ""] = prefix.split("/");
    const below = prefix.includes("/") ? top : "";
    const folder = join(this.#folder, below);
    const files = entriesBelow(folder).filter((entry) => isFile(entry) && !isForeign(entry.name));
    const found = files.map(({ parentPath, name }) => relative(this.#folder, join(parentPath, name)));
    return new Set(found.map((path) => path.replaceAll(sep, "/")).filter((key) => key.startsWith(prefix)));
  }

  async texts(keys: readonly string[]): Promise<ReadonlyMap<string, string | null>> {
    return new Map(
      keys.map((key) => [key, this.#read(key)?.toString(key.startsWith(PAGES) ? "base64" : "utf8") ?? null]),
    );
  }

  async bytes(key: string): Promise<Uint8Array | null> {
    return this.#read(key);
  }

  checkKeys(keys: readonly string[]): void {
    for (const key of keys) {
      const path = this.#path(key);
      if (isForeign(basename(key)))
        throw new UserError(`${path}: got a name that files of systems have, expected another model's name`);
      // Static assets find such a file under a name without its ending, too, and as a page, which no value is.
      if (/\.s?html?$/.test(key))
        throw new UserError(`${path}: got a name that pages of sites have, expected another model's name`);
    }
  }

  async putTexts(pairs: readonly KvPair[]): Promise<void> {
    this.checkKeys(pairs.map(({ key }) => key));
    for (const { key, value } of pairs) {
      // A manifest promises that the pages are there, also in one file.
      if (key.startsWith(MANIFESTS) && (await this.#isForR2())) this.#pack(key.slice(MANIFESTS.length), value);
      if (key.startsWith(PAGES)) this.#writePage(key, value);
      else writeWhole(this.#path(key), value);
    }
  }

  async putBytes(key: string, value: Uint8Array): Promise<void> {
    writeWhole(this.#path(key), value);
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      this.#remove(key);
      if (key.startsWith(MANIFESTS)) this.#remove(packedPagesKey(key.slice(MANIFESTS.length)));
    }
  }

  /**
   * Compares the file of all pages with the pages. Those that are missing are not its fault. A folder that has no such
   * file of any version is not for R2, and none is missing there.
   */
  async packedFaults(version: string, pageDigests: Uint8Array): Promise<string[]> {
    const packed = packedPagesKey(version);
    const keys = keysOf(pageDigests);
    if (!statsOf(this.#path(packed))) {
      return keys.length > 0 && (await this.#isForR2()) ? [`${packed}: missing`] : [];
    }
    await using file = await open(this.#path(packed));
    const { size } = await file.stat();
    const placeBytes = size / keys.length;
    if (!Number.isInteger(placeBytes))
      return [`${packed}: got ${size} bytes, expected ${counted(keys.length, "place")} of one size`];
    const faults: string[] = [];
    const [place, expected] = [Buffer.alloc(placeBytes), Buffer.alloc(placeBytes)];
    for (const [page, key] of keys.entries()) {
      const bytes = this.#read(key);
      if (!bytes) continue;
      await file.read(place, 0, placeBytes, page * placeBytes);
      bytes.copy(expected.fill(0));
      if (bytes.length > placeBytes || !place.equals(expected))
        faults.push(`${packed}: got other bytes for page ${page}, expected those of ${key}`);
    }
    return faults;
  }

  async #isForR2(): Promise<boolean> {
    return this.#packed || (await this.keys(PACKED)).size > 0;
  }

  #path(key: string): string {
    return join(this.#folder, key);
  }

  #read(key: string): Buffer | null {
    const path = this.#path(key);
    try {
      return readFileSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw unread(path, error);
    }
  }

  #remove(key: string): void {
    const path = this.#path(key);
    try {
      rmSync(path, { force: true });
    } catch (error) {
      throw systemFault(path, error);
    }
  }

  /** Writes a page whole or not at all. Pages are many: none is waited for until it is on the disk. */
  #writePage(key: string, text: string): void {
    const path = this.#path(key);
    const temporary = temporaryPath(path);
    try {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(temporary, Buffer.from(text, "base64"));
      if (!this.#isTidy) removeRemains(dirname(path), lastSign(temporary));
      this.#isTidy = true;
      renameSync(temporary, path);
    } catch (error) {
      removeQuietly(temporary);
      throw systemFault(path, error);
    }
  }

  /** Writes the pages that a manifest lists into one file. Throws UserError where one of them is missing. */
  #pack(version: string, manifest: string): void {
    const keys = keysOf(readPublishedManifest(manifest, version).pageDigests);
    if (keys.length === 0) return;
    const placeBytes = keys.reduce((most, key) => Math.max(most, this.#sizeOf(key)), 0);
    using file = new WholeFile(this.#path(packedPagesKey(version)));
    for (const key of keys) {
      const place = new Uint8Array(placeBytes);
      place.set(this.#read(key) ?? []);
      file.write(place);
    }
    file.finish();
  }

  #sizeOf(page: string): number {
    const path = this.#path(page);
    const stats = statsOf(path);
    if (stats) return Number(stats.size);
    throw new UserError(`${path}: got no file, expected a page; \`publish --repair\` of the export writes it again`);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** Throws UserError where the path of a folder of published models is something else. */
export function checkStoreFolder(folder: string): void {
  if (statsOf(folder)?.isDirectory() === false)
    throw new UserError(`${folder}: got a file, expected a folder for published models`);
}

/** Files and folders below a folder, which may be absent. Throws UserError where the system does not list them. */
function entriesBelow(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return [];
    if (code === "ENOTDIR") throw new UserError(`${folder}: got a file, expected a folder of published values`);
    throw unread(folder, error);
  }
}

/** A link to a file is one too: what is read under its key must also be listed, or it would count as not needed. */
function isFile(entry: Dirent): boolean {
  if (!entry.isSymbolicLink()) return entry.isFile();
  return statsOf(join(entry.parentPath, entry.name))?.isFile() ?? false;
}

/** What the system does not let a process read is not absent, and not damaged: nothing may take its place. */
function unread(path: string, error: unknown): unknown {
  const fault = readFault(path, error);
  return fault instanceof FormatError ? new UserError(fault.message, { cause: error }) : fault;
}

/** Whether a file is no value: what a killed process has left, or what systems put into folders that people look at. */
function isForeign(name: string): boolean {
  return isTemporary(name) || name.startsWith(".") || name === "Thumbs.db" || name === "desktop.ini";
}

/** The keys of pages, by their digests. */
function keysOf(pageDigests: Uint8Array): string[] {
  return Array.from({ length: pageDigests.length / PAGE_DIGEST_BYTES }, (_, page) =>
    pageKey(pageDigests.subarray(page * PAGE_DIGEST_BYTES, (page + 1) * PAGE_DIGEST_BYTES)),
  );
}
