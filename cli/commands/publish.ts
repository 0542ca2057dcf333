import { Command } from "commander";
import { publish } from "../../deploy/publish.ts";
import { MAX_DEADLINE_MS } from "../../format/pointer.ts";
import { UserError } from "../../trainer/errors.ts";
import { openExport } from "../../trainer/export/export.ts";
import { integerWithin } from "../../trainer/terminal/number-option.ts";
import { type StoreFlags, storeOf, withStore } from "./store-options.ts";

interface PublishFlags extends StoreFlags {
  model?: string;
  note?: string;
  deadline?: number;
  switch: boolean;
  default?: true;
  verify: boolean;
  packed?: true;
}

export function publishCommand(): Command {
  const command = new Command("publish")
    .description("Put an exported model into Workers KV; the pointer that makes it serve comes last.")
    .argument("<export>", "the folder that `export` wrote")
    .option("--model <name>", "the model's name there, which requests may name (default: that of its spec)")
    .option("--note <text>", "what the history says of this version")
    .option("--no-switch", "upload it and note it in the history, but let the version before go on serving")
    .option("--default", "serve requests that name no model with it; the first model that is published does anyway")
    .option(
      "--deadline <ms>",
      "milliseconds that its requests wait for rows (default: as before, or the Worker's)",
      integerWithin(0, MAX_DEADLINE_MS),
    );
  return withStore(command)
    .option("--packed", "with --folder: also put all pages into one file, which is how a Worker reads them from R2")
    .option("--no-verify", "trust the names of what is there already, and do not read it back")
    .action(async (folder: string, { model, note, deadline, verify, ...flags }: PublishFlags) => {
      const store = storeOf(flags);
      if (flags.packed && !("folder" in store)) throw new UserError("--packed: got no --folder, expected one");
      const target = flags.packed ? { ...store, packed: true } : store;
      const exported = await openExport(folder);
      await publish(exported, target, {
        ...(model !== undefined && { model }),
        ...(note !== undefined && { note }),
        ...(deadline !== undefined && { deadline }),
        ...{ switches: flags.switch, becomesDefault: flags.default === true, verify },
      });
      const serves = flags.switch ? "" : "; the version before goes on serving";
      console.log(`published ${model ?? exported.model}@${exported.version}${serves}`);
    });
}
