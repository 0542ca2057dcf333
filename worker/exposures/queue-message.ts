import type { LineKind } from "./line-sink.ts";

// A message of the queue: the kind of its lines, then the lines, each with its line end. As bytes, a line arrives as it
// was written, whatever letters it has, and goes into R2 without being parsed.

const KINDS: readonly LineKind[] = ["exposures", "events"];
const LINE_END = 10;

const headers = new Map(KINDS.map((kind) => [kind, new TextEncoder().encode(`${kind}\n`)]));

function headerOf(kind: LineKind): Uint8Array {
  return headers.get(kind) ?? new Uint8Array();
}

/** Bytes of the message that has these lines. */
export function messageBytes(kind: LineKind, lines: readonly Uint8Array[]): number {
  return lines.reduce((sum, { length }) => sum + length + 1, headerOf(kind).length);
}

export function writeMessage(kind: LineKind, lines: readonly Uint8Array[]): Uint8Array {
  const message = new Uint8Array(messageBytes(kind, lines));
  const header = headerOf(kind);
  message.set(header);
  let end = header.length;
  for (const line of lines) {
    message.set(line, end);
    end += line.length + 1;
    message[end - 1] = LINE_END;
  }
  return message;
}

/** The kind of a message, and its lines with their line ends. Null: `body` is none. */
export function readMessage(body: unknown): { kind: LineKind; lines: Uint8Array } | null {
  const bytes = body instanceof ArrayBuffer ? new Uint8Array(body) : body;
  if (!(bytes instanceof Uint8Array) || bytes[bytes.length - 1] !== LINE_END) return null;
  for (const [kind, header] of headers)
    if (header.every((byte, i) => bytes[i] === byte)) return { kind, lines: bytes.subarray(header.length) };
  return null;
}
