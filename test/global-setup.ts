import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Builds the kernel before any test: an out-of-date build would pass or fail for the wrong reason. wrangler's logs and
 * its list of Workers that run get a place of the tests' own: a home that cannot be written does for the tests, and
 * what runs beside them is not in that list.
 */
export default function setup(): () => void {
  const settings = mkdtempSync(join(tmpdir(), "deepfm-edge-settings-"));
  process.env.XDG_CONFIG_HOME = settings;
  process.env.WRANGLER_REGISTRY_PATH = join(settings, "registry");
  execFileSync(process.execPath, ["scripts/build-kernel.ts"], {
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    stdio: ["ignore", "ignore", "inherit"],
  });
  return () => rmSync(settings, { recursive: true, force: true });
}
