import { Command } from "commander";
import { ExperimentRegistry } from "../../../deploy/experiments.ts";
import { openStore } from "../../../deploy/kv/open-store.ts";
import { lockStore } from "../../../deploy/kv/store-lock.ts";
import { presentStoreOf, type StoreFlags, withStore } from "../store-options.ts";
import { warnOfAbsentModels } from "./absent-models.ts";
import { entryText } from "./entry-text.ts";

export function stopCommand(): Command {
  const command = new Command("stop")
    .description("Take all units out of an experiment. Workers see it within 90 s.")
    .argument("<name>", "the experiment")
    .option("--ship <arm>", "the arm whose model the list has from now on, without chance (default: as before it)");
  return withStore(command).action(async (name: string, flags: StoreFlags & { ship?: string }) => {
    const target = presentStoreOf(flags);
    using _lock = await lockStore(target);
    await using store = await openStore(target);
    const entry = await new ExperimentRegistry(store).stop(name, flags.ship ?? null);
    console.log(entryText(entry));
    await warnOfAbsentModels(store, { ...entry, arms: entry.arms.filter(({ arm }) => arm === flags.ship) });
  });
}
