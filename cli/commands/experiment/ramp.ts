import { Command } from "commander";
import { ExperimentRegistry } from "../../../deploy/experiments.ts";
import { openStore } from "../../../deploy/kv/open-store.ts";
import { lockStore } from "../../../deploy/kv/store-lock.ts";
import { presentStoreOf, type StoreFlags, withStore } from "../store-options.ts";
import { warnOfAbsentModels } from "./absent-models.ts";
import { coverageOption } from "./coverage-option.ts";
import { entryText } from "./entry-text.ts";
import { warnOfTakenUnits } from "./taken-units.ts";

export function rampCommand(): Command {
  const command = new Command("ramp")
    .description("Let more units into an experiment that runs. No unit that is in it moves to another arm.")
    .argument("<name>", "the experiment")
    .addOption(coverageOption());
  return withStore(command).action(async (name: string, flags: StoreFlags & { coverage: number }) => {
    const target = presentStoreOf(flags);
    using _lock = await lockStore(target);
    await using store = await openStore(target);
    const entry = await new ExperimentRegistry(store).ramp(name, flags.coverage);
    console.log(entryText(entry));
    warnOfTakenUnits(entry);
    await warnOfAbsentModels(store, entry);
  });
}
