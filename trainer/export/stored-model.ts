/** A model as `export` wrote it, whose pages are read from its folder one by one: all of them may not fit in memory. */
export interface StoredModel {
  /** The model's name. */
  model: string;
  /** What names its blob, 64 hex digits: the SHA-256 of the file. */
  version: string;
  blob: Uint8Array;
  pages: StoredPage[];
}

/** A page in the folder of an export. */
export interface StoredPage {
  /** The 16 bytes that name it. */
  digest: Uint8Array;
  /** Its bytes, checked against the digest. Throws FormatError where they are another page's, or there is no file. */
  read(): Promise<Uint8Array>;
}
