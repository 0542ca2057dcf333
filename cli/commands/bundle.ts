import type { Command } from "commander";
import { bundleModel } from "../../deploy/bundled-model.ts";
import { WRANGLER_CONFIG } from "../../deploy/wrangler.ts";
import { openExport } from "../../trainer/export/export.ts";

interface BundleFlags {
  config?: string;
  env?: string;
}

export function defineBundle(command: Command): void {
  command
    .argument("<export>", "the folder that `export` wrote")
    .option("--config <file>", "wrangler's configuration of your own Worker")
    .option("--env <name>", "the environment of the configuration whose assets they are, such as staging")
    .action(async (folder: string, { config = WRANGLER_CONFIG, env: environment }: BundleFlags) => {
      const { model, version, blob } = await openExport(folder);
      const file = await bundleModel(blob, { config, environment });
      console.log(`${file}: ${model}@${version}, in place with the next deployment`);
    });
}
