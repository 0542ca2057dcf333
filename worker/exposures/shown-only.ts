import { EXPOSURE_FLAGS, type Exposure, writeExposure } from "../../format/exposure.ts";
import { readFloats, writeFloats } from "../../format/floats.ts";
import { MAX_LINE_BYTES } from "./limits.ts";

const encoder = new TextEncoder();

/**
 * The bytes of an exposure's line. Where they were too many for a message, the line has only what was shown, and of
 * that the first slots that fit, with a flag. Null: not even the first slot does.
 */
export function exposureBytes(exposure: Exposure): Uint8Array | null {
  const bytes = encoder.encode(writeExposure(exposure));
  if (bytes.length <= MAX_LINE_BYTES) return bytes;
  for (let slots = exposure.shown.length; slots >= 1; slots >>= 1) {
    const some = encoder.encode(writeExposure(shownOnly(exposure, slots)));
    if (some.length <= MAX_LINE_BYTES) return some;
  }
  return null;
}

/** The line with the items of the first slots alone, in the order shown. */
function shownOnly(exposure: Exposure, slots: number): Exposure {
  const { cand, logits, rival, shadow, team, flags = "" } = exposure;
  const shown = exposure.shown.slice(0, slots);
  const pick = (text: string): string => {
    const numbers = readFloats(text, "exposure");
    return writeFloats(shown.map((item) => numbers[item] as number));
  };
  const letters = new Set([...flags, EXPOSURE_FLAGS.shownOnly]);
  return {
    ...exposure,
    cand: shown.map((item) => cand[item] as string),
    ...(logits !== undefined && { logits: pick(logits) }),
    ...(rival !== undefined && { rival: pick(rival) }),
    ...(shadow && { shadow: { ...shadow, logits: pick(shadow.logits) } }),
    ...(team !== undefined && { team: team.slice(0, slots) }),
    shown: shown.map((_, slot) => slot),
    p: writeFloats(readFloats(exposure.p, "exposure").subarray(0, slots)),
    flags: [...letters].sort().join(""),
  };
}
