import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { FormatError } from "../../format/errors.ts";
import type { DataSettings } from "../../format/spec.ts";
import { warn } from "../terminal/warning.ts";

// A text file as bytes in UTF-8, decompressed and decoded.

export type TextEncoding = NonNullable<DataSettings["encoding"]>;

/** The names that decoders know (encoding.spec.whatwg.org), by which latin-1 is windows-1252 as in browsers. */
const LABELS: Record<Exclude<TextEncoding, "utf-8" | "utf-16">, string> = {
  "utf-16le": "utf-16le",
  "utf-16be": "utf-16be",
  "latin-1": "windows-1252",
  "windows-1252": "windows-1252",
};

/** How names of compressed files end, by which this program and DuckDB know that they are. */
const COMPRESSED = [".gz", ".zst"] as const;

/** The ending of a compressed file's name; "" of another one's. */
export function compressedEnding(path: string): (typeof COMPRESSED)[number] | "" {
  return COMPRESSED.find((ending) => path.endsWith(ending)) ?? "";
}

/** The bytes of a file, decompressed where its name says so, and in UTF-8. Throws what the system or a decoder does. */
export function openText(path: string, encoding: TextEncoding = "utf-8"): AsyncIterable<Uint8Array> {
  const bytes = openBytes(path);
  return encoding === "utf-8" ? bytes : decoded(path, bytes, encoding);
}

/** What a pipeline is given for its end: whoever reads its last stream gets the error. */
const ignore = (): void => {};

function openBytes(path: string): AsyncIterable<Uint8Array> {
  const ending = compressedEnding(path);
  if (ending === ".zst") return framesOf(path);
  const file = createReadStream(path);
  return ending === ".gz" ? pipeline(file, createGunzip(), ignore) : file;
}

/** The text of a zstd file, whose frames are decompressed one after another, as Node's decompressor ends with one. */
async function* framesOf(path: string): AsyncGenerator<Uint8Array> {
  const { size } = await stat(path);
  for (let start = 0; start < size; ) {
    const frame = createZstdDecompress();
    yield* pipeline(createReadStream(path, { start }), frame, ignore);
    start += frame.bytesWritten; // what the frame took of the bytes that it was given
  }
}

async function* decoded(
  path: string,
  bytes: AsyncIterable<Uint8Array>,
  encoding: Exclude<TextEncoding, "utf-8">,
): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  let decoder: TextDecoder | null = null;
  let label = "";
  const utf8 = new Utf8Likeness();
  let line = 1; // on which what comes next begins
  for await (const chunk of bytes) {
    if (decoder === null) {
      // The first chunk of a file has its first bytes.
      checkStart(path, chunk, encoding);
      label = encoding === "utf-16" ? (isBigEndian(chunk) ? "utf-16be" : "utf-16le") : LABELS[encoding];
      decoder = new TextDecoder(label, { fatal: true });
    }
    let text: string;
    try {
      text = decoder.decode(chunk, { stream: true });
    } catch {
      throw new FormatError(`${path}, line ${line + linesBefore(chunk, label)}`, `got bytes that are not ${label}`);
    }
    line += text.split("\n").length - 1;
    utf8.look(chunk);
    yield encoder.encode(text);
  }
  if (utf8.isLikely) warn(`${path}: data.encoding says ${encoding}, but the text is UTF-8 from end to end`);
  try {
    decoder?.decode();
  } catch {
    throw new FormatError(`${path}, line ${line}`, `got half a character of ${label} at the end`);
  }
}

/** How many lines end before the first bytes that cannot be decoded. */
function linesBefore(chunk: Uint8Array, label: string): number {
  const [before = ""] = new TextDecoder(label).decode(chunk).split("\uFFFD", 1);
  return before.split("\n").length - 1;
}

/** Whether bytes are UTF-8, and not only ASCII: text in another encoding hardly ever looks so. */
class Utf8Likeness {
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  #fits = true;
  #beyondAscii = false;

  look(chunk: Uint8Array): void {
    if (!this.#fits) return;
    try {
      const { length } = this.#decoder.decode(chunk, { stream: true });
      this.#beyondAscii ||= length < chunk.length;
    } catch {
      this.#fits = false;
    }
  }

  get isLikely(): boolean {
    return this.#fits && this.#beyondAscii;
  }
}

/** Throws FormatError where a file begins otherwise than a text in that encoding can. */
function checkStart(path: string, chunk: Uint8Array, encoding: TextEncoding): void {
  const place = `${path}, line 1`;
  const expected = `expected ${encoding}, as data.encoding says`;
  if (!encoding.startsWith("utf-16")) {
    if (isUtf16(chunk)) throw new FormatError(place, `got the byte order mark of UTF-16, ${expected}`);
    if (isMarkedUtf8(chunk)) throw new FormatError(place, `got the byte order mark of UTF-8, ${expected}`);
    return;
  }
  const marked = isUtf16(chunk);
  if (marked && encoding !== "utf-16" && isBigEndian(chunk) !== (encoding === "utf-16be"))
    throw new FormatError(
      place,
      `got the byte order mark of ${isBigEndian(chunk) ? "utf-16be" : "utf-16le"}, ${expected}`,
    );
  // A line has an end or a delimiter, which are ASCII, and so one byte of two is 0.
  if (!marked && !chunk.includes(0)) throw new FormatError(place, `got text without a byte of 0, ${expected}`);
}

/** What an error adds where bytes are not UTF-8. */
export const ENCODING_HINT = '; data.encoding says another one, such as "windows-1252"';
export const GOT_UTF16 = 'got UTF-16, expected UTF-8; data.encoding says another one: "utf-16"';

/** Whether a text begins with the byte order mark of UTF-16. */
export function isUtf16([first, second]: Uint8Array): boolean {
  return (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
}

function isBigEndian([first, second]: Uint8Array): boolean {
  return first === 0xfe && second === 0xff;
}

/** Whether a text begins with the byte order mark of UTF-8. */
export function isMarkedUtf8([first, second, third]: Uint8Array): boolean {
  return first === 0xef && second === 0xbb && third === 0xbf;
}
