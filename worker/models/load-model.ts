import { verifyBlob } from "../../format/seal.ts";
import type { PublicKey } from "../../format/signature.ts";
import { checkGolden } from "../../runtime/golden.ts";
import type { PlacedBlob } from "../../runtime/placed-blob.ts";
import { Scorer } from "../../runtime/scorer.ts";

/**
 * Makes a scorer of a blob that may be anything. It must have the version that it is expected under, be signed by one of the
 * trusted keys if there are any, be taken by the kernel and by the manifest's reader, and score its golden records as it says.
 * Throws FormatError. `npm run bench -- load` measures it.
 */
export async function loadModel(blob: PlacedBlob, version: string, trusted: readonly PublicKey[]): Promise<Scorer> {
  await verifyBlob(blob.bytes, trusted, version);
  const scorer = new Scorer(blob);
  checkGolden(scorer);
  return scorer;
}
