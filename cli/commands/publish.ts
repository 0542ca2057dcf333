import { statSync } from "node:fs";
import { Command } from "commander";
import { publish } from "../../deploy/publish.ts";
import { UserError } from "../../trainer/errors.ts";
import { openExport } from "../../trainer/export/export.ts";

interface PublishFlags {
  config?: string;
  env?: string;
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
    .option("--env <name>", "the environment of the configuration whose namespace it is, such as staging")
    .option("--no-verify", "trust the names of what is there already, and do not read it back")
    .action(async (folder: string, { config, env, remote, persistTo, verify }: PublishFlags) => {
      if (config !== undefined && !statSync(config, { throwIfNoEntry: false })?.isFile())
        throw new UserError(`${config}: got no file, expected wrangler's configuration`);
      const exported = await openExport(folder);
      const target = remote ? { remote } : { remote: false as const, ...(persistTo && { persistTo }) };
      await publish(exported, { ...target, ...(config && { config }), ...(env && { environment: env }) }, { verify });
      console.log(`published ${exported.model}@${exported.version}`);
    });
}
