// The command line as the package has it. The package installs only what scoring needs; the packages that a command
// needs are its optional peers, in the versions that this project is tested with.
import { readFileSync } from "node:fs";
import { findPackageJSON } from "node:module";
import { join } from "node:path";
import { PROJECT } from "../../trainer/io/project.ts";

interface Manifest {
  version: string;
  devDependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
}

function readManifest(path: string): Manifest {
  return JSON.parse(readFileSync(path, "utf8"));
}

/** The version of an installed package; null where there is none. */
function installedVersion(name: string): string | null {
  try {
    const path = findPackageJSON(name, import.meta.url);
    return path === undefined ? null : readManifest(path).version;
  } catch {
    return null;
  }
}

function major(version: string): string {
  return version.replace(/\..*/, "");
}

/**
 * `name@version` of each package that the commands need and that is not installed, or only in another major version.
 */
function missingPackages({ devDependencies, peerDependencies }: Manifest): string[] {
  return Object.entries(devDependencies)
    .filter(([name, version]) => name in peerDependencies && major(installedVersion(name) ?? "") !== major(version))
    .map(([name, version]) => `${name}@${version}`);
}

const missing = missingPackages(readManifest(join(PROJECT, "package.json")));
if (missing.length === 0) await import("./main.ts");
else {
  console.error(`error: the command line needs packages that are not installed: npm install ${missing.join(" ")}`);
  process.exitCode = 1;
}
