import { Command } from "commander";
import { publish } from "../../deploy/publish.ts";
import { loadExport } from "../../trainer/export/export.ts";

interface PublishFlags {
  remote?: boolean;
  persistTo?: string;
}

export function publishCommand(): Command {
  return new Command("publish")
    .description("Put an exported model into Workers KV; the pointer that makes it serve comes last.")
    .argument("<export>", "the folder that `export` wrote")
    .option("--remote", "into your account's namespace (default: the local one of `npm run dev`)")
    .option("--persist-to <folder>", "another local folder than .wrangler/state")
    .action(async (folder: string, { remote, persistTo }: PublishFlags) => {
      const exported = await loadExport(folder);
      await publish(exported, remote ? { remote: true } : { remote: false, ...(persistTo && { persistTo }) });
      console.log(`published ${exported.model}@${exported.version}`);
    });
}
