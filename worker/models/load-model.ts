import { verifyBlob } from "../../format/seal.ts";
import type { PublicKey } from "../../format/signature.ts";
import { checkGolden } from "../../runtime/golden.ts";
import type { PlacedBlob } from "../../runtime/placed-blob.ts";
import { Scorer } from "../../runtime/scorer.ts";

/**
 * Makes a scorer of a blob that may be anything. The blob must have the version that is asked for and, if there are
 * trusted keys, a signature by one of them; the kernel and the manifest's reader must take it, and it must score its
 * golden records as it says. Throws FormatError. `npm run bench -- load` measures it.
 */
export async function loadModel(blob: PlacedBlob, version: string, trusted: readonly PublicKey[]): Promise<Scorer> {
  await verifyBlob(blob.bytes, trusted, version);
  const scorer = new Scorer(blob);
  checkGolden(scorer);
  return scorer;
}
