import { verifyBlob } from "../../format/seal.ts";
import type { PublicKey } from "../../format/signature.ts";
import { checkGolden } from "../../runtime/golden.ts";
import type { PlacedBlob } from "../../runtime/placed-blob.ts";
import { Scorer } from "../../runtime/scorer.ts";

/** What was made of a blob. */
export interface VerifiedModel {
  /** What names the blob, 64 hex digits. */
  version: string;
  scorer: Scorer;
}

/**
 * Makes a scorer of a blob that may be anything. The blob must have the version that is asked for, if one is, and, if
 * there are trusted keys, a signature by one of them; the kernel and the manifest's reader must take it, and it must
 * score its golden records as it says. Throws FormatError. `npm run bench -- load` measures it.
 */
export async function loadModel(
  blob: PlacedBlob,
  asked: string | null,
  trusted: readonly PublicKey[],
): Promise<VerifiedModel> {
  const version = await verifyBlob(blob.bytes, trusted, asked ?? undefined);
  const scorer = new Scorer(blob);
  checkGolden(scorer);
  return { version, scorer };
}
