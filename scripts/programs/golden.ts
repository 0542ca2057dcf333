// npm run golden           writes the golden files, the JSON Schema of the feature spec and FORMAT.md's dumps
// npm run golden:check     compares them; names each file that is missing or differs, and then exits 1
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { goldenFiles } from "../../testing/format/golden.ts";
import { buildKernels } from "./kernels.ts";

const root = new URL("../../", import.meta.url);

async function readOrNull(path: string): Promise<Uint8Array | null> {
  try {
    return await readFile(new URL(path, root));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

async function main(args: string[]): Promise<number> {
  const [option] = args;
  if (args.length > 1 || (option !== undefined && option !== "--check")) {
    console.error(`golden: got ${args.join(" ")}, expected nothing or --check`);
    return 2;
  }
  await buildKernels();
  const formatMd = await readFile(new URL("format/FORMAT.md", root), "utf8");
  const files = await goldenFiles(formatMd);
  let wrong = 0;
  for (const [path, expected] of files) {
    const got = await readOrNull(path);
    if (got && Buffer.compare(got, expected) === 0) continue;
    wrong++;
    if (option === "--check")
      console.error(`${path}: ${got ? "differs from" : "is missing, expected"} what the code writes`);
    else {
      await mkdir(new URL("./", new URL(path, root)), { recursive: true });
      await writeFile(new URL(path, root), expected);
      console.log(`${path}: ${got ? "rewritten" : "created"}`);
    }
  }
  if (wrong === 0) console.log(`${files.size} golden files are up to date`);
  return option === "--check" && wrong > 0 ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
