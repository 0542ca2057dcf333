import type { Scorer } from "../../runtime/scorer.ts";
import type { KernelVariant } from "../../runtime/variant.ts";

/** A version that is loaded, whatever names it has. */
export interface LoadedVersion {
  /** What names its blob, 64 hex digits. */
  version: string;
  /** Id of the key that signed it, in hex; null where it is not signed. */
  signer: string | null;
  /** The serial number that it was signed with, in milliseconds since the epoch; 0 where it has none. */
  serial: number;
  blobBytes: number;
  scorer: Scorer;
  /** The kernel's, with the blob in it. */
  memory: WebAssembly.Memory;
  variant: KernelVariant;
  /** Milliseconds since the epoch. */
  loadedAt: number;
}

/** A version as a model's name, or a request for that very version, leads to it. */
export interface LoadedModel extends LoadedVersion {
  /** The model's name. */
  model: string;
  /** Since when its pointer has named the version, in milliseconds since the epoch; null where that is not known. */
  since: number | null;
  /** Whether it is the one that was deployed with the Worker, until the store's is there. */
  bundled: boolean;
  /** Milliseconds that its requests wait for rows; null: as the setting says. */
  deadlineMs: number | null;
}
