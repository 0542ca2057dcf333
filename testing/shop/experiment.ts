import { ExperimentRegistry } from "../../deploy/experiments.ts";
import { openStore } from "../../deploy/kv/open-store.ts";
import { type Arm, parseArm } from "../../format/arm.ts";
import { SHOP_CONFIG } from "./worker.ts";

// The experiment: the shop's own order against those of two models.

export const EXPERIMENT = "shelf-order";
/** The list that it is about, in pages and in documents. */
const LIST = "shelf";
/** Slots that LR's arm draws. */
export const DRAWN_SLOTS = 4;

/** LR explores, and DeepFM scores its lists beside it, so that its log says what DeepFM's order would have earned. */
export const ARMS: readonly Arm[] = [
  { arm: "origin", model: null },
  {
    ...{ arm: "lr", model: "shop-lr", policy: { policy: "plackett-luce", temperature: 0.5 }, k: DRAWN_SLOTS },
    shadow: { model: "shop-deepfm", share: 1 },
  },
  { arm: "deepfm", model: "shop-deepfm" },
].map((arm) => parseArm(arm, arm.arm));

/** Puts an experiment into the local KV in `persistTo`, and lets all visitors into it. */
export async function startExperiment(persistTo: string, name = EXPERIMENT, arms = ARMS): Promise<void> {
  await using store = await openStore({ config: SHOP_CONFIG, remote: false, persistTo });
  const experiments = new ExperimentRegistry(store);
  await experiments.create({ name, list: LIST, arms, attribute: "uid" }, false);
  await experiments.start(name, 1);
}
