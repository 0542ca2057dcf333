import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Builds the kernel before any test: an out-of-date build would pass or fail for the wrong reason. */
export default function setup(): void {
  execFileSync(process.execPath, ["scripts/build-kernel.ts"], {
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    stdio: ["ignore", "ignore", "inherit"],
  });
}
