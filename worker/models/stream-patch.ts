import { FormatError } from "../../format/errors.ts";
import { makeBlob, readPatchHeader } from "../../format/patch.ts";
import { blobKey } from "../../format/store.ts";
import type { PlacedBlob } from "../../runtime/placed-blob.ts";
import type { Deadline } from "../http/promises.ts";

/** How a patch comes to its base, and a blob to its memory. */
interface PatchSource {
  /** Makes room for a blob of so many bytes. */
  makeRoom(length: number): PlacedBlob;
  /** Opens the parts of the base, a version's blob of so many bytes; null: one is missing. */
  open(version: string, length: number): Promise<ReadableStream | null>[];
  /** Reads a stream, each part of which is to be used before the next is asked for. */
  bytesOf(stream: ReadableStream): AsyncGenerator<Uint8Array>;
  deadline: Deadline;
}

/**
 * Makes a blob of a patch and its base in the memory of a kernel of its own, while both are read: neither of them is
 * ever held, so that it takes no more memory than a blob that is read as it is. `first`: the patch's first bytes.
 * Throws FormatError where they do not make a blob of the length that the patch states.
 */
export async function streamPatch(
  first: Uint8Array,
  chunks: AsyncGenerator<Uint8Array>,
  { makeRoom, open, bytesOf, deadline }: PatchSource,
): Promise<PlacedBlob> {
  const header = readPatchHeader(first);
  const placed = makeRoom(header.blobBytes);
  const base = bytesOfBase();
  const making = makeBlob(header, placed.bytes);
  try {
    making.next();
    let wanted = making.next(first);
    while (!wanted.done) {
      const { value, done } = await (wanted.value === "patch" ? chunks : base).next();
      wanted = making.next(done ? null : value);
    }
  } finally {
    await base.return();
  }
  return placed;

  /** The parts of the base, one after the other. All of them are asked for once the first is needed. */
  async function* bytesOfBase(): AsyncGenerator<Uint8Array, void, void> {
    const openings = open(header.base, header.baseBytes);
    const left = new Set(openings);
    for (const opening of openings) opening.catch(() => {}); // one that fails before it is waited for
    try {
      for (const opening of openings) {
        const stream = await deadline.race(opening);
        left.delete(opening);
        if (stream === null)
          throw new FormatError("patch: base", `got no ${blobKey(header.base)}, or not all of its parts`);
        yield* bytesOf(stream);
      }
    } finally {
      // What is not needed any more is given up, and nobody waits for it.
      for (const opening of left) opening.then((stream) => stream?.cancel()).catch(() => {});
    }
  }
}
