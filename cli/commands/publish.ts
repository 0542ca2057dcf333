import type { Command } from "commander";
import { publish } from "../../deploy/publish.ts";
import { MAX_DEADLINE_MS } from "../../format/pointer.ts";
import { readManifest } from "../../format/read-blob.ts";
import { openExport } from "../../trainer/export/export.ts";
import { updateOf, updateText } from "../../trainer/export/update.ts";
import { integerWithin } from "../../trainer/terminal/number-option.ts";
import { askToGoOn } from "./ask.ts";
import { type PackedFlags, packedStore, storeOf, withStore } from "./store-options.ts";

interface PublishFlags extends PackedFlags {
  model?: string;
  note?: string;
  deadline?: number | "off";
  switch: boolean;
  default?: true;
  settle?: number;
  repair?: true;
  yes?: true;
}

/** Seconds that --settle takes at most: an hour, after which KV has long told everybody. */
const MOST_SETTLE = 3600;

const deadlineWithin = integerWithin(0, MAX_DEADLINE_MS);

/** Milliseconds, or "off": the model has no deadline of its own. Commander makes "" of null. */
function parseDeadline(text: string): number | "off" {
  return text === "off" ? text : deadlineWithin(text);
}

export function definePublish(command: Command): void {
  command
    .argument("<export>", "the folder that `export` wrote")
    .option("--model <name>", "the model's name there, which requests may name (default: that of its spec)")
    .option("--note <text>", "what the history says of this version (default: what it said of it before)")
    .option("--no-switch", "upload it and note it in the history, but let the version before go on serving")
    .option("--default", "serve requests that name no model with it; the first model that is published does anyway")
    .option(
      "--deadline <ms>",
      "milliseconds that its requests wait for rows, or off for the Worker's setting (default: as before)",
      parseDeadline,
    );
  withStore(command)
    .option(
      "--settle <seconds>",
      "age of the last page before the pointer moves (default: 60 with --remote, otherwise 0)",
      integerWithin(0, MOST_SETTLE),
    )
    .option("--repair", "read back all that is there, and write what is missing or damaged, the history too")
    .option("--yes", "upload with --remote even if it costs more than $1")
    .option(
      "--packed",
      "with --folder: also put all pages into one file, which is how a Worker reads them from R2 (default: where the " +
        "folder has that of another version)",
    )
    .action(async (folder: string, { model, note, deadline, settle, repair, yes, ...flags }: PublishFlags) => {
      const target = packedStore(storeOf(flags), flags);
      const exported = await openExport(folder);
      const update = updateOf(readManifest(exported.blob).evidence);
      if (update) console.log(updateText(update));
      const { pinnedTo, byDefault } = await publish(exported, target, {
        ...(model !== undefined && { model }),
        ...(note !== undefined && { note }),
        ...(deadline !== undefined && { deadline: deadline === "off" ? null : deadline }),
        ...(settle !== undefined && { settle }),
        ...{ switches: flags.switch, becomesDefault: flags.default === true, repair: repair === true },
        confirm: async (question) => yes === true || (await askToGoOn(question)),
      });
      const name = model ?? exported.model;
      const serves = flags.switch && pinnedTo === null;
      console.log(`published ${name}@${exported.version}${serves ? "" : "; what serves stays as it was"}`);
      if (serves && byDefault !== name)
        console.log(
          `requests that name no model get ${byDefault}; those that name ${name} get this one, or --default all`,
        );
    });
}
