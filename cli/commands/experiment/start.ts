import { Command } from "commander";
import { ExperimentRegistry } from "../../../deploy/experiments.ts";
import { openStore } from "../../../deploy/kv/open-store.ts";
import { lockStore } from "../../../deploy/kv/store-lock.ts";
import { presentStoreOf, type StoreFlags, withStore } from "../store-options.ts";
import { warnOfAbsentModels } from "./absent-models.ts";
import { coverageOption } from "./coverage-option.ts";
import { entryText } from "./entry-text.ts";
import { warnOfTakenUnits } from "./taken-units.ts";

export function startCommand(): Command {
  const command = new Command("start")
    .description("Let units into an experiment that no unit was in before.")
    .argument("<name>", "the experiment")
    .addOption(coverageOption());
  return withStore(command).action(async (name: string, flags: StoreFlags & { coverage: number }) => {
    const target = presentStoreOf(flags);
    using _lock = await lockStore(target);
    await using store = await openStore(target);
    const entry = await new ExperimentRegistry(store).start(name, flags.coverage);
    console.log(entryText(entry));
    warnOfTakenUnits(entry);
    await warnOfAbsentModels(store, entry);
  });
}
