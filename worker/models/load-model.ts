import { FormatError } from "../../format/errors.ts";
import { verifyBlob } from "../../format/seal.ts";
import type { PublicKey } from "../../format/signature.ts";
import { checkGolden } from "../../runtime/golden.ts";
import type { PlacedBlob } from "../../runtime/placed-blob.ts";
import { Scorer } from "../../runtime/scorer.ts";

/**
 * Makes a scorer of a blob that may be anything: it has the name `hash`, one of the trusted keys
 * signed it if there are any, the kernel and the manifest's reader take it, and it scores its golden records as it says.
 * Throws FormatError. `npm run bench -- load` measures it.
 */
export async function loadModel(blob: PlacedBlob, hash: string, trusted: readonly PublicKey[]): Promise<Scorer> {
  const got = await verifyBlob(blob.bytes, trusted);
  if (got !== hash) throw new FormatError("blob", `got the name ${got}, expected ${hash}`);
  const scorer = new Scorer(blob);
  checkGolden(scorer);
  return scorer;
}
