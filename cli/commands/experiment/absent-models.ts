import type { ExperimentEntry } from "../../../deploy/experiments.ts";
import { type KvStore, textOf } from "../../../deploy/kv/kv-store.ts";
import { show } from "../../../format/errors.ts";
import { manifestKey, pointerKey } from "../../../format/store.ts";
import { warn } from "../../../trainer/terminal/warning.ts";

/** Warns of models of an experiment's arms that are not in its store: nothing orders the lists of those arms. */
export async function warnOfAbsentModels(store: KvStore, { name, arms }: ExperimentEntry): Promise<void> {
  for (const { arm, model } of arms) {
    if (model === null) continue;
    const [known, version] = model.split("@");
    const key = version === undefined ? pointerKey(known ?? "") : manifestKey(version);
    if ((await textOf(store, key)) === null)
      warn(
        `${name}: arm ${arm}: got the model ${show(model)}, expected one that is published: its lists stay as they are`,
      );
  }
}
