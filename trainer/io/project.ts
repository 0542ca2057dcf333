import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseJson } from "../../format/parse.ts";
import { UserError } from "../errors.ts";

/**
 * The folder of package.json, wrangler.toml and examples/. In a package the compiled files are one folder further down.
 */
export const PROJECT = findProject(dirname(fileURLToPath(import.meta.url)));

/** The version of this software, as package.json states it. */
export const VERSION = packageVersion(join(PROJECT, "package.json"));

function packageVersion(path: string): string {
  return (parseJson(readFileSync(path, "utf8"), path) as { version: string }).version;
}

function findProject(folder: string): string {
  if (existsSync(join(folder, "package.json"))) return folder;
  const parent = dirname(folder);
  if (parent === folder)
    throw new UserError("no package.json above the trainer's files: the installation is incomplete");
  return findProject(parent);
}
