import type * as v from "valibot";
import { safeParse } from "valibot";
import { clipped, type FormatError } from "../../format/errors.ts";
import { faultsWith } from "../../format/parse.ts";
import * as limits from "../limits.ts";
import type { Lease } from "../memory/memory-budget.ts";
import { BodyBytes } from "./body-bytes.ts";
import { brokenOff, contentEncoding, decodedBody } from "./content-encoding.ts";
import { DECOMPRESSION_BYTES } from "./decompress.ts";
import { BodyError } from "./errors.ts";
import { outlineJson } from "./json-outline.ts";
import { Deadline } from "./promises.ts";

/** Bytes that are read at a time of a long body. */
const PART_BYTES = 64 * 1024;

/** Bytes of a declared body that is read at once. It takes twice its memory for a moment. Most bodies are shorter. */
const MAX_WHOLE_BYTES = 256 * 1024;

/** A body that was read, with its lists still to be parsed. Its memory is the lease's. */
export interface ReadBody<Body> {
  body: Body;
  /** When all of it was there, by performance.now(). */
  arrivedAt: number;
  /** Gives the memory of its lists back before the lease ends, once. They cannot be iterated any more. */
  release(): void;
}

/** Members of a body that are not parsed with the others. */
export interface LateMembers {
  /** Become BodyLists. */
  lists: readonly string[];
  /** May become Unparsed. */
  values?: readonly string[];
}

/** The form of a body: an object with these members. */
export type BodySchema = v.GenericSchema & { entries: v.ObjectEntries };

/** Throws all that is wrong with a body, of which `found` is known. */
export type Refuse = (found: readonly FormatError[], body: unknown) => never;

/** The body of a request, in whatever form it comes. */
export interface ReadableBody {
  /**
   * Reads it as an object of the form that `schema` says, but for the members that come `late`. `lease` takes the
   * memory for it. Throws BodyError where it cannot be read, OverloadedError where there is no memory, and what
   * `refuse` throws where it has another form.
   */
  read<Schema extends BodySchema>(
    late: LateMembers,
    schema: Schema,
    lease: Lease,
    refuse: Refuse,
  ): Promise<ReadBody<v.InferOutput<Schema>>>;
}

/**
 * The body of a request that is JSON. The constructor throws BodyError where the headers say that it cannot be read:
 * it is of another type or encoding, or too long.
 */
export class RequestBody implements ReadableBody {
  readonly #request: Request;
  readonly #encoding: ReturnType<typeof contentEncoding>;
  readonly #declaredBytes: number;

  constructor(request: Request) {
    const { headers } = request;
    const mediaType = headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
    if (mediaType !== "application/json") {
      const got = clipped(mediaType || "none", 200);
      throw new BodyError("media-type", `got content-type ${got}, expected application/json`);
    }
    this.#encoding = contentEncoding(headers);
    this.#request = request;
    this.#declaredBytes = Number(headers.get("content-length") ?? 0);
    if (this.#declaredBytes > limits.MAX_BODY_BYTES) throw tooLarge(`a body of ${this.#declaredBytes} bytes`);
  }

  /**
   * Reads it as JSON of the form that `schema` says, but for the members that come `late`. `lease` takes the memory for
   * it, and for parsing them. A body beyond the limits is refused as soon as that is known, and is never held
   * whole. Throws BodyError where it is not JSON, too large or too slow, OverloadedError where there is no memory, and
   * what `refuse` throws where the JSON has another form.
   */
  async read<Schema extends BodySchema>(
    { lists, values }: LateMembers,
    schema: Schema,
    lease: Lease,
    refuse: Refuse,
  ): Promise<ReadBody<v.InferOutput<Schema>>> {
    // A client that leaves with half of its body sent takes this request's end with it, and has no more than this.
    lease.lasts(limits.BODY_LEASE_MS);
    const bytes = await (this.#isShort ? this.#readWhole(lease) : this.#readParts(lease));
    const arrivedAt = performance.now();
    // What has arrived is gone with a lease that has ended, which is no empty body.
    lease.refuseEnded();
    lease.lasts(limits.REQUEST_LEASE_MS);
    const outline = outlineJson(bytes.bytes, lists, values);
    const ofLists = lease.bytes + limits.JSON_MEMORY_FACTOR * outline.longestPart;
    lease.resize(ofLists + limits.JSON_MEMORY_FACTOR * outline.others);
    const json = outline.parse();
    const parsed = safeParse(schema, json, { abortEarly: true });
    if (!parsed.success) refuse(faultsWith(schema, json, "body", schema.entries), json);
    return {
      body: parsed.output,
      arrivedAt,
      release() {
        for (const list of outline.lists) list.forget();
        bytes[Symbol.dispose]();
        lease.giveBack(ofLists);
      },
    };
  }

  /** Whether it is declared to be short, as it is. */
  get #isShort(): boolean {
    return this.#encoding === null && this.#declaredBytes > 0 && this.#declaredBytes <= MAX_WHOLE_BYTES;
  }

  /** In one read by the runtime: reading in parts takes three times as long as that, for a record. */
  async #readWhole(lease: Lease): Promise<BodyBytes> {
    // The runtime joins what it has read, so that both are there for a moment.
    lease.resize(2 * this.#declaredBytes);
    const deadline = new Deadline(limits.BODY_TIMEOUT_MS, () => tooSlow(`less than ${this.#declaredBytes}`));
    let bytes: BodyBytes;
    try {
      bytes = new BodyBytes(await deadline.race(this.#request.arrayBuffer()));
    } catch (error) {
      throw brokenOff(error, null);
    } finally {
      deadline[Symbol.dispose]();
    }
    lease.defer(() => bytes[Symbol.dispose]());
    lease.resize(bytes.room);
    return bytes;
  }

  async #readParts(lease: Lease): Promise<BodyBytes> {
    const bytes = this.#makeRoom(lease);
    await this.#fill(bytes, lease);
    return bytes;
  }

  /** Room for a declared length, which is taken at once; without one, it doubles. */
  #makeRoom(lease: Lease): BodyBytes {
    const room = this.#encoding === null && this.#declaredBytes > 0 ? this.#declaredBytes : PART_BYTES;
    lease.resize(this.#around + room);
    const bytes = new BodyBytes(new ArrayBuffer(room), 0);
    lease.defer(() => bytes[Symbol.dispose]());
    return bytes;
  }

  /** The memory that reading takes beside what is read. */
  get #around(): number {
    return PART_BYTES + (this.#encoding === null ? 0 : DECOMPRESSION_BYTES);
  }

  async #fill(bytes: BodyBytes, lease: Lease): Promise<void> {
    const { body } = this.#request;
    if (!body) return;
    // A part that has begun to arrive is not counted yet.
    using deadline = new Deadline(limits.BODY_TIMEOUT_MS, () => tooSlow(`at least ${bytes.size}`));
    for await (const part of decodedBody(body, this.#encoding, Math.min(bytes.room, PART_BYTES), deadline)) {
      if (bytes.size + part.length > limits.MAX_BODY_BYTES) throw tooLarge(`more than ${limits.MAX_BODY_BYTES} bytes`);
      const room = bytes.roomFor(part.length);
      // While they are copied to more room, both are there.
      if (room > bytes.room) lease.resize(this.#around + bytes.room + room);
      lease.refuseEnded();
      bytes.append(part);
    }
    lease.resize(bytes.room);
  }
}

function tooLarge(got: string): BodyError {
  return new BodyError("too-large", `got ${got}, expected at most ${limits.MAX_BODY_BYTES}`);
}

function tooSlow(size: string): BodyError {
  const seconds = limits.BODY_TIMEOUT_MS / 1000;
  return new BodyError("too-slow", `got ${size} bytes in ${seconds} s, expected the whole body by then`);
}
