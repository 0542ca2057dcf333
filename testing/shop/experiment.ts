import { openStore } from "../../deploy/kv/open-store.ts";
import { type Arm, parseArm } from "../../format/arm.ts";
import { experimentsKey, payloadKey, writeExperimentsPointer } from "../../format/experiments-pointer.ts";
import { sha256, toHex } from "../../format/hash.ts";
import { SHOP_CONFIG } from "./worker.ts";

// The experiment: the shop's own order against those of two models.

export const EXPERIMENT = "shelf-order";
/** The list that it is about, in pages and in documents. */
const LIST = "shelf";
/** Slots that LR's arm draws. */
export const DRAWN_SLOTS = 4;

/** LR explores, and DeepFM scores its lists beside it, so that its log says what DeepFM's order would have earned. */
const VARIATIONS = [
  { arm: "origin", model: null },
  {
    ...{ arm: "lr", model: "shop-lr", policy: { policy: "plackett-luce", temperature: 0.5 }, k: DRAWN_SLOTS },
    shadow: { model: "shop-deepfm", share: 1 },
  },
  { arm: "deepfm", model: "shop-deepfm" },
];
export const ARMS: readonly Arm[] = VARIATIONS.map((arm) => parseArm(arm, arm.arm));

/** Puts the experiment into the local KV in `persistTo`. */
export async function publishExperiment(persistTo: string): Promise<void> {
  const meta = VARIATIONS.map(({ arm }) => ({ key: arm }));
  const rule = { key: EXPERIMENT, seed: `${EXPERIMENT}:1`, hashAttribute: "uid", hashVersion: 2, coverage: 1 };
  const features = { [LIST]: { defaultValue: null, rules: [{ ...rule, meta, variations: VARIATIONS }] } };
  const bytes = new TextEncoder().encode(JSON.stringify({ features }));
  const payload = toHex(await sha256(bytes));
  await using kv = await openStore({ config: SHOP_CONFIG, remote: false, persistTo });
  await kv.putBytes(payloadKey(payload), bytes);
  const pointer = writeExperimentsPointer({ payload, since: Date.now() });
  await kv.putTexts([{ key: experimentsKey(), value: pointer }]);
}
