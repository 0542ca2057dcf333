import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

// Generous, as a shared machine may be slow for seconds; a test that hangs still ends.
const timeouts = { testTimeout: 60_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    silent: "passed-only",
    globalSetup: "./test/global-setup.ts",
    projects: [
      {
        test: { name: "node", include: ["test/**/*.test.ts"], exclude: ["test/worker/**"], ...timeouts },
      },
      {
        // Inside workerd, with real KV; the Worker runs in the same isolate as its tests.
        plugins: [cloudflareTest({ wrangler: { configPath: "./wrangler.toml" } })],
        test: { name: "worker", include: ["test/worker/**/*.test.ts"], ...timeouts },
      },
    ],
    coverage: {
      provider: "istanbul",
      include: ["{format,runtime,trainer,lab,deploy,cli,worker,package,scripts}/**/*.ts"],
      exclude: ["**/*.d.ts"],
      reporter: ["text-summary"],
    },
  },
});
