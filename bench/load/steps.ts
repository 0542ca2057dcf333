import * as c from "../../format/constants.ts";
import { sha256, toHex } from "../../format/hash.ts";
import { readManifest } from "../../format/read-blob.ts";
import { readPublicKeys, verify } from "../../format/signature.ts";
import * as abi from "../../runtime/abi.ts";
import { checkGolden } from "../../runtime/golden.ts";
import { type PlacedBlob, placeBlob } from "../../runtime/placed-blob.ts";
import { Scorer } from "../../runtime/scorer.ts";
import { inSection, sectionOf } from "../../testing/format/edit-blob.ts";
import { loadModel } from "../../worker/models/load-model.ts";

/**
 * `place` copies a blob into a fresh kernel's memory; `streamBlob` does the same part by part. `load` is all that
 * worker/models/load-model.ts does with a blob in place. The steps after it are parts of `load`; `digest` and
 * `signature` are so for a signed blob only. Those of the kernel each begin at the start and end after the check that
 * they are named for, so their times are not to be summed.
 */
export const STEPS = [
  "place",
  "load",
  "version",
  "digest",
  "signature",
  "kernel: checksums",
  "kernel: rows",
  "kernel: layers",
  "manifest",
  "golden",
] as const;

/** `place and load` does both with one blob. */
export type StepName = (typeof STEPS)[number] | "place and load";

/** Loads one blob as the Worker does, whole or one step of it. */
export class LoadSteps {
  readonly #module: WebAssembly.Module;
  readonly #blob: Uint8Array;
  readonly #version: string;
  readonly #publicKey: string;
  readonly #runs = new Map<StepName, () => void | Promise<void>>();
  #placed: PlacedBlob | null = null;

  /** `version`: what names the blob. `publicKey`: base64; empty if the blob is not signed. */
  constructor(module: WebAssembly.Module, blob: Uint8Array, version: string, publicKey: string) {
    this.#module = module;
    this.#blob = blob;
    this.#version = version;
    this.#publicKey = publicKey;
  }

  async take(step: StepName, times: number): Promise<void> {
    // Prepared once, so that only the first turn, which is not counted, has the preparation in it.
    const run = this.#runs.get(step) ?? this.#step(step);
    this.#runs.set(step, run);
    for (let time = 0; time < times; time++) await run();
  }

  #step(step: StepName): () => void | Promise<void> {
    const [module, blob, version, publicKey] = [this.#module, this.#blob, this.#version, this.#publicKey];
    const digest = blob.slice(c.BLOB_HEADER_DIGEST, c.BLOB_HEADER_SIGNATURE);
    const load = async (placed: PlacedBlob): Promise<void> => {
      await loadModel(placed, version, await readPublicKeys(publicKey, "key"));
    };
    switch (step) {
      case "place and load":
        return () => load(placeBlob(module, blob));
      case "place":
        return () => void placeBlob(module, blob);
      case "load":
        return () => load(this.#inPlace());
      case "version":
        return async () => expect("version", toHex(await sha256(blob)), version);
      case "digest":
        return async () => expect("digest", toHex(await sha256(blob.subarray(c.BLOB_ENVELOPE_BYTES))), toHex(digest));
      case "signature":
        return async () => {
          const signature = blob.slice(c.BLOB_HEADER_SIGNATURE, c.BLOB_ENVELOPE_BYTES);
          for (const key of await readPublicKeys(publicKey, "key"))
            expect("signature", await verify(key, signature, digest), true);
        };
      case "kernel: checksums":
        return this.#kernelUntil(c.MODEL_BIAS, abi.LOAD_BAD_MODEL);
      case "kernel: rows":
        return this.#kernelUntil(c.MODEL_HEAD_BYTES + c.LAYER_INPUTS, abi.LOAD_BAD_LAYER);
      case "kernel: layers":
        return () => expect("code of the kernel", this.#inPlace().kernel.load(blob.length), abi.LOAD_OK);
      case "manifest":
        return () => void readManifest(blob);
      case "golden": {
        const scorer = new Scorer(this.#inPlace());
        return () => checkGolden(scorer);
      }
    }
  }

  /** The blob in the memory of a kernel that may have loaded it before. */
  #inPlace(): PlacedBlob {
    this.#placed ??= placeBlob(this.#module, this.#blob);
    const { kernel } = this.#placed;
    // A view made before the memory grew would be detached.
    return {
      kernel,
      bytes: new Uint8Array(kernel.memory.buffer, kernel.reserve(this.#blob.length), this.#blob.length),
    };
  }

  /**
   * Loads the blob with a NaN at `offset` of section MODEL, which the kernel refuses with `code`: all checks before
   * that of this number are done, and none after it.
   */
  #kernelUntil(offset: number, code: number): () => void {
    const blob = this.#blob;
    const head = sectionOf(blob, c.SECTION_BUCKETS).byteOffset - blob.byteOffset;
    const damaged = inSection(blob, c.SECTION_MODEL, (view) => view.setFloat32(offset, Number.NaN, true)).slice(
      0,
      head,
    );
    return () => {
      const { kernel, bytes } = this.#inPlace();
      bytes.set(damaged);
      expect("code of the kernel", kernel.load(blob.length), code);
      bytes.set(blob.subarray(0, head));
    };
  }
}

function expect<T>(what: string, got: T, expected: T): void {
  if (got !== expected) throw new Error(`got the ${what} ${got}, expected ${expected}`);
}
