import { Command } from "commander";
import { ExperimentRegistry } from "../../../deploy/experiments.ts";
import { openStore } from "../../../deploy/kv/open-store.ts";
import { UserError } from "../../../trainer/errors.ts";
import { toJson } from "../../../trainer/io/files.ts";
import { presentStoreOf, type StoreFlags, withStore } from "../store-options.ts";
import { entryText } from "./entry-text.ts";

export function showCommand(): Command {
  const command = new Command("show")
    .description("Say which experiments there are, who is in them, and what their arms are.")
    .argument("[name]", "one of them (default: all)")
    .option("--json", "print all of it as JSON");
  return withStore(command).action(async (name: string | undefined, flags: StoreFlags & { json?: true }) => {
    await using store = await openStore(presentStoreOf(flags));
    const entries = await new ExperimentRegistry(store).list();
    const shown = name === undefined ? entries : entries.filter((entry) => entry.name === name);
    if (name !== undefined && shown.length === 0)
      throw new UserError(
        `got the experiment ${name}, expected ${entries.map((one) => one.name).join(", ") || "none"}`,
      );
    if (flags.json) process.stdout.write(toJson(shown));
    else console.log(shown.length === 0 ? "there is no experiment" : shown.map(entryText).join("\n"));
  });
}
