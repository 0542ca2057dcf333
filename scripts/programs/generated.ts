// Files that programs of this folder write from the code, and compare with it.
import { mkdir, readFile, writeFile } from "node:fs/promises";

const root = new URL("../../", import.meta.url);

/**
 * Writes files, by their paths from the repository's root, or compares them where the one argument is --check. Returns
 * the exit code: 1 where a file is missing or differs, 2 where the arguments are wrong.
 */
export async function writeGenerated(
  program: string,
  args: readonly string[],
  generate: () => Promise<ReadonlyMap<string, Uint8Array | string>>,
): Promise<number> {
  const [option] = args;
  if (args.length > 1 || (option !== undefined && option !== "--check")) {
    console.error(`${program}: got ${args.join(" ")}, expected nothing or --check`);
    return 2;
  }
  const files = await generate();
  let wrong = 0;
  for (const [path, content] of files) {
    const expected = typeof content === "string" ? Buffer.from(content) : content;
    const got = await readOrNull(path);
    if (got && Buffer.compare(got, expected) === 0) continue;
    wrong++;
    if (option === "--check")
      console.error(
        `${path}: ${got ? "differs from" : "is missing, expected"} what the code writes: npm run ${program}`,
      );
    else {
      await mkdir(new URL("./", new URL(path, root)), { recursive: true });
      await writeFile(new URL(path, root), expected);
      console.log(`${path}: ${got ? "rewritten" : "created"}`);
    }
  }
  if (wrong === 0) console.log(`${files.size} ${program} files are up to date`);
  return option === "--check" && wrong > 0 ? 1 : 0;
}

async function readOrNull(path: string): Promise<Uint8Array | null> {
  try {
    return await readFile(new URL(path, root));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}
