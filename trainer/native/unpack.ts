import {
  closeSync,
  createReadStream,
  createWriteStream,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createInflateRaw, gunzipSync, inflateRawSync } from "node:zlib";
import { FormatError } from "../../format/errors.ts";

// The two archives that pieces come in: a wheel, which is a ZIP file, and npm's gzipped tar.

/** Members up to this size are unpacked at once: a stream of a small file takes longer than its bytes. */
const AT_ONCE = 2 ** 20;
/** Bytes that a stream takes at once. */
const CHUNK = 2 ** 20;

export interface Taken {
  members: RegExp;
  strip: string;
}

/** A member of a ZIP file: its name, and where its bytes lie. */
interface Member {
  name: string;
  stored: number;
  bytes: number;
  deflated: boolean;
  header: number;
}

// Offsets and sizes of ZIP's records (PKWARE's APPNOTE.TXT 4.3.7, 4.3.12, 4.3.16).
const END = { signature: 0x06054b50, bytes: 22, count: 10, directoryBytes: 12, directory: 16 };
const MAX_COMMENT = 0xffff;
const ENTRY = { signature: 0x02014b50, bytes: 46, method: 10, stored: 20, size: 24, name: 28, extra: 30, comment: 32 };
const ENTRY_HEADER = 42;
const LOCAL = { signature: 0x04034b50, bytes: 30, name: 26, extra: 28 };
const DEFLATED = 8;
const STORED = 0;

/**
 * Unpacks members of a ZIP file into a folder. `onBytes` hears of every piece that is written. Returns how many members
 * there were. Throws FormatError.
 */
export async function unpackZip(
  path: string,
  folder: string,
  { members, strip }: Taken,
  onBytes: (bytes: number) => void,
): Promise<number> {
  const file = openSync(path, "r");
  try {
    const taken = directoryOf(path, file).filter(({ name }) => members.test(name));
    for (const member of taken) {
      const to = join(folder, pathOf(member.name, strip));
      mkdirSync(dirname(to), { recursive: true });
      const start = startOf(path, file, member);
      const written =
        member.bytes <= AT_ONCE
          ? writeAtOnce(path, file, start, member, to)
          : await writeStream(path, start, member, to, onBytes);
      if (member.bytes <= AT_ONCE) onBytes(written);
      if (written !== member.bytes)
        throw new FormatError(path, `${member.name}: got ${written} bytes, expected ${member.bytes}`);
    }
    return taken.length;
  } finally {
    closeSync(file);
  }
}

function writeAtOnce(path: string, file: number, start: number, { stored, deflated }: Member, to: string): number {
  const bytes = readAt(path, file, start, start + stored);
  const content = deflated ? inflateRawSync(bytes) : bytes;
  writeFileSync(to, content);
  return content.length;
}

async function writeStream(
  path: string,
  start: number,
  { stored, deflated }: Member,
  to: string,
  onBytes: (bytes: number) => void,
): Promise<number> {
  let written = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _, done) {
      written += chunk.length;
      onBytes(chunk.length);
      done(null, chunk);
    },
  });
  const source = createReadStream(path, { start, end: start + stored - 1, highWaterMark: CHUNK });
  const target = createWriteStream(to);
  if (deflated) await pipeline(source, createInflateRaw({ chunkSize: CHUNK }), counted, target);
  else await pipeline(source, counted, target);
  return written;
}

/** Where a member goes: one that lies elsewhere than the others keeps its name alone. */
function pathOf(name: string, strip: string): string {
  return name.startsWith(strip) ? name.slice(strip.length) : basename(name);
}

/** The central directory at the end of a ZIP file. */
function directoryOf(path: string, file: number): Member[] {
  const { size } = statSync(path);
  const tail = readAt(path, file, Math.max(0, size - END.bytes - MAX_COMMENT), size);
  let at = tail.length - END.bytes;
  while (at >= 0 && tail.readUInt32LE(at) !== END.signature) at--;
  if (at < 0) throw new FormatError(path, "got no end of a central directory, expected a ZIP file");
  const from = tail.readUInt32LE(at + END.directory);
  const directory = readAt(path, file, from, from + tail.readUInt32LE(at + END.directoryBytes));
  const members: Member[] = [];
  for (let left = tail.readUInt16LE(at + END.count), entry = 0; left > 0; left--) {
    if (directory.readUInt32LE(entry) !== ENTRY.signature)
      throw new FormatError(path, `got no entry at byte ${from + entry}, expected ${left} more`);
    const method = directory.readUInt16LE(entry + ENTRY.method);
    const nameLength = directory.readUInt16LE(entry + ENTRY.name);
    const name = directory.toString("utf8", entry + ENTRY.bytes, entry + ENTRY.bytes + nameLength);
    if (method !== DEFLATED && method !== STORED)
      throw new FormatError(path, `${name}: got the compression ${method}, expected ${STORED} or ${DEFLATED}`);
    members.push({
      name,
      stored: directory.readUInt32LE(entry + ENTRY.stored),
      bytes: directory.readUInt32LE(entry + ENTRY.size),
      deflated: method === DEFLATED,
      header: directory.readUInt32LE(entry + ENTRY_HEADER),
    });
    const after = directory.readUInt16LE(entry + ENTRY.extra) + directory.readUInt16LE(entry + ENTRY.comment);
    entry += ENTRY.bytes + nameLength + after;
  }
  return members;
}

/** Where a member's own bytes begin: behind its header, whose extra field may differ from the directory's. */
function startOf(path: string, file: number, { name, header }: Member): number {
  const local = readAt(path, file, header, header + LOCAL.bytes);
  if (local.readUInt32LE(0) !== LOCAL.signature) throw new FormatError(path, `${name}: got no header at ${header}`);
  return header + LOCAL.bytes + local.readUInt16LE(LOCAL.name) + local.readUInt16LE(LOCAL.extra);
}

function readAt(path: string, file: number, from: number, to: number): Buffer {
  const buffer = Buffer.alloc(to - from);
  if (readSync(file, buffer, 0, buffer.length, from) !== buffer.length)
    throw new FormatError(path, `got fewer than ${to} bytes, expected a whole ZIP file`);
  return buffer;
}

// Offsets in a header of a tar file, which is as long as a block (POSIX.1-1988, ustar).
const BLOCK = 512;
const TAR = { nameBytes: 100, size: 124, sizeBytes: 12, type: 156, prefix: 345, prefixBytes: 155 };

/** Unpacks members of a gzipped tar file into a folder. Returns how many there were. */
export function unpackTgz(path: string, folder: string, { members, strip }: Taken): number {
  const tar = gunzipSync(readFileSync(path));
  const text = (at: number, bytes: number): string => tar.toString("utf8", at, at + bytes).replace(/\0.*$/s, "");
  let count = 0;
  for (let at = 0; at + BLOCK <= tar.length && tar[at] !== 0; ) {
    const prefix = text(at + TAR.prefix, TAR.prefixBytes);
    const name = `${prefix && `${prefix}/`}${text(at, TAR.nameBytes)}`;
    const size = Number.parseInt(text(at + TAR.size, TAR.sizeBytes), 8);
    const type = text(at + TAR.type, 1);
    if ((type === "0" || type === "") && members.test(name)) {
      const to = join(folder, pathOf(name, strip));
      mkdirSync(dirname(to), { recursive: true });
      writeFileSync(to, tar.subarray(at + BLOCK, at + BLOCK + size));
      count++;
    }
    at += BLOCK * (1 + Math.ceil(size / BLOCK));
  }
  return count;
}
