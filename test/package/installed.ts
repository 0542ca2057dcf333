import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Runs a program in a folder; what it prints. Throws, with all that it printed, where it fails. */
export async function run(cwd: string, program: string, args: readonly string[]): Promise<string> {
  try {
    return (await promisify(execFile)(program, args, { cwd, maxBuffer: 2 ** 26 })).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(" ")} failed:\n${stdout}\n${stderr}`, { cause: error });
  }
}

/** Runs one of the repository's own development tools in a folder. */
export function runTool(cwd: string, script: string, args: readonly string[]): Promise<string> {
  return run(cwd, process.execPath, [join(ROOT, "node_modules", script), ...args]);
}

export interface Installed extends Disposable {
  /** An app's folder, with the package in its node_modules. */
  folder: string;
  /** The paths of what was packed. */
  packed: string[];
}

/** Packs the package and installs the tarball in an empty folder, beside the programs of test/package/app. */
export async function installPackage(): Promise<Installed> {
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-app-"));
  // Not npm's prepack: it would build the kernels again while other tests read them.
  await run(ROOT, process.execPath, ["scripts/build-package.ts"]);
  const pack = ["pack", "--ignore-scripts", "--json", "--pack-destination", folder];
  const [{ filename, files }] = JSON.parse(await run(ROOT, "npm", pack)) as [
    { filename: string; files: { path: string }[] },
  ];
  writeFileSync(join(folder, "package.json"), '{ "name": "app", "private": true, "type": "module" }\n');
  await run(folder, "npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", `./${filename}`]);
  cpSync(fileURLToPath(new URL("app/", import.meta.url)), folder, { recursive: true });
  return {
    folder,
    packed: files.map(({ path }) => path).sort(),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Bytes of all files of a folder. */
export function bytesOf(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}
