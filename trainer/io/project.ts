import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of package.json, wrangler.toml and examples/: two floors up from here in a checkout, three in a package. */
export const PROJECT = findProject(dirname(fileURLToPath(import.meta.url)));

/** The version of this software, as package.json states it. */
export const VERSION: string = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")).version;

function findProject(folder: string): string {
  if (existsSync(join(folder, "package.json"))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error("no package.json above the trainer's files: the installation is incomplete");
  return findProject(parent);
}
