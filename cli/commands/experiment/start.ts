import { Command } from "commander";
import { ExperimentRegistry } from "../../../deploy/experiments.ts";
import { openStore } from "../../../deploy/kv/open-store.ts";
import { presentStoreOf, type StoreFlags, withStore } from "../store-options.ts";
import { warnOfAbsentModels } from "./absent-models.ts";
import { coverageOption } from "./coverage-option.ts";
import { entryText } from "./entry-text.ts";

export function startCommand(): Command {
  const command = new Command("start")
    .description("Let units into an experiment that no unit was in before.")
    .argument("<name>", "the experiment")
    .addOption(coverageOption());
  return withStore(command).action(async (name: string, flags: StoreFlags & { coverage: number }) => {
    await using store = await openStore(presentStoreOf(flags));
    const entry = await new ExperimentRegistry(store).start(name, flags.coverage);
    console.log(entryText(entry));
    await warnOfAbsentModels(store, entry);
  });
}
