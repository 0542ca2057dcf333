import { existsSync } from "node:fs";
import { Command } from "commander";
import { publish } from "../../deploy/publish.ts";
import { UserError } from "../../trainer/errors.ts";
import { openExport } from "../../trainer/export/export.ts";

interface PublishFlags {
  config?: string;
  remote?: true;
  persistTo?: string;
  verify: boolean;
}

export function publishCommand(): Command {
  return new Command("publish")
    .description("Put an exported model into Workers KV; the pointer that makes it serve comes last.")
    .argument("<export>", "the folder that `export` wrote")
    .option("--remote", "into your account's namespace (default: the local one of `npm run dev`)")
    .option("--persist-to <folder>", "another local folder than .wrangler/state")
    .option("--config <file>", "wrangler's configuration of your own Worker, which binds the namespace as MODELS")
    .option("--no-verify", "trust the names of what is there already, and do not read it back")
    .action(async (folder: string, { config, remote, persistTo, verify }: PublishFlags) => {
      if (config !== undefined && !existsSync(config)) throw new UserError(`${config}: no such file`);
      const exported = await openExport(folder);
      const target = remote ? { remote } : { remote: false as const, ...(persistTo && { persistTo }) };
      await publish(exported, { ...target, ...(config && { config }) }, { verify });
      console.log(`published ${exported.model}@${exported.version}`);
    });
}
