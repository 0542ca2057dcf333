// npm run golden           writes the golden files, the JSON Schema of the feature spec and FORMAT.md's dumps
// npm run golden:check     compares them; names each file that is missing or differs, and then exits 1
import { readFile } from "node:fs/promises";
import { goldenFiles } from "../../testing/format/golden.ts";
import { writeGenerated } from "./generated.ts";
import { buildKernels } from "./kernels.ts";

process.exitCode = await writeGenerated("golden", process.argv.slice(2), async () => {
  await buildKernels();
  return goldenFiles(await readFile(new URL("../../format/FORMAT.md", import.meta.url), "utf8"));
});
