import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

// Real data that lies beside the project on some machines and may not be copied into it.

const SHARED = process.env.DEEPFM_EDGE_DATA ?? fileURLToPath(new URL("../../../shared/data/", import.meta.url));

/** A path below the folder of real data, which need not be there. */
export function sharedPath(name: string): string {
  return `${SHARED.replace(/\/$/, "")}/${name}`;
}

export const CRITEO = sharedPath("criteo");

export function readShared(name: string): { path: string; bytes: Uint8Array } {
  return { path: sharedPath(name), bytes: readFileSync(sharedPath(name)) };
}
