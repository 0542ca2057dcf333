import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** A Node on the PATH that cannot run TypeScript; null where there is none. */
export function oldNode(): string | null {
  const found = (process.env.PATH ?? "").split(delimiter).map((path) => join(path, "node"));
  const isOld = (node: string): boolean =>
    existsSync(node) && Number.parseInt(execFileSync(node, ["--version"]).toString().slice(1), 10) < 24;
  return found.find(isOld) ?? null;
}
