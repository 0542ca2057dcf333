import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { PROJECT } from "../../trainer/io/project.ts";

/**
 * Builds the kernels in a checkout where they are not there or not of the present sources, as after `npm ci` or
 * `git pull`. A package brings its own.
 */
export async function bringKernels(): Promise<void> {
  const script = join(PROJECT, "scripts", "programs", "kernels.ts");
  if (!existsSync(script)) return;
  const { buildKernels } = await import(pathToFileURL(script).href);
  await buildKernels(() => process.stderr.write("building the kernels, as their sources are new\n"));
}
