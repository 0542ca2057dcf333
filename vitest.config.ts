import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

// Some twenty times what the longest tests take on two cores: a machine may be slow or shared. One that hangs ends.
const timeouts = { testTimeout: 300_000, hookTimeout: 300_000 };

/**
 * What `npm run test:quick` leaves out, by kind: tests that train models or read logs, start commands or servers, pack
 * the package, try kernels on every shape, or look for faults at random.
 */
const SLOW = [
  "test/trainer/{calibration,data,model,engine,training,export,evaluation}/**",
  "test/runtime/scorers.test.ts",
  "test/lab/**",
  "test/{cli,deploy,package,scripts,testing}/**",
  "test/examples/clients.test.ts",
  "test/playground/playground.test.ts",
  "test/{whole,messy}-path.test.ts",
  "test/replayed-clicks.test.ts",
  "test/assembly/score/{forward,items,large,rank}.test.ts",
];

/** Any origin of the network, for the Worker's tests: it answers what it was asked. */
const BEHIND_THE_ROUTE = ({ url, headers }: { url: string; headers: { get: (name: string) => string | null } }) =>
  Response.json({ url, visitor: headers.get("x-visitor") });

/** Files that need a process of their own: one puts another module in the place of one, one counts threads. */
const ALONE = ["test/trainer/io/damage.test.ts", "test/trainer/data/click-log.test.ts"];

/**
 * Node imports the tests' modules itself, as it does the program's: behind vite's runner each use of an import is a
 * call, which makes loops several times slower. Only the coverage of istanbul needs vite to rewrite modules.
 */
const experimental = {
  viteModuleRunner: process.argv.some((word) => word.startsWith("--coverage")),
  nodeLoader: false,
};

const setupFiles = ["./test/own-native.ts", "./test/new-process.ts", "./test/no-tokens.ts", "./test/typed-arrays.ts"];

export default defineConfig(({ mode }) => ({
  test: {
    silent: "passed-only",
    globalSetup: "./test/global-setup.ts",
    projects: [
      {
        test: {
          name: "node",
          include: ["test/**/*.test.ts"],
          exclude: ["test/worker/**", ...ALONE, ...(mode === "quick" ? SLOW : [])],
          // A process loads the house once, for all of its files: to load it for each took a fifth of the time.
          isolate: false,
          experimental,
          setupFiles,
          ...timeouts,
        },
      },
      {
        test: { name: "alone", include: ALONE, exclude: mode === "quick" ? SLOW : [], setupFiles, ...timeouts },
      },
      {
        // Inside workerd, with real KV; the Worker runs in the same isolate as its tests.
        plugins: [
          cloudflareTest({
            main: "./test/worker/main.ts",
            wrangler: { configPath: "./wrangler.toml" },
            // Besides the bindings of wrangler.toml: a decision who may score, a deadline that no slow machine misses,
            // a rate limit that is soon reached, and the queue and the bucket of exposures, which it has as comments.
            miniflare: {
              bindings: { AUTH: "off", ROW_DEADLINE_MS: 30_000 },
              ratelimits: { TIGHT_RATE_LIMIT: { namespace_id: "1002", simple: { limit: 6, period: 60 } } },
              r2Buckets: ["EXPOSURE_LOGS"],
              outboundService: BEHIND_THE_ROUTE,
              queueProducers: { EXPOSURES: "exposures" },
              queueConsumers: { exposures: { maxBatchSize: 50, maxBatchTimeout: 0.1 } },
            },
          }),
        ],
        test: {
          name: "worker",
          include: ["test/worker/**/*.test.ts"],
          // To start workerd for each file would take longer than most files: test/worker/new-isolate.ts.
          isolate: false,
          setupFiles: ["./test/worker/new-isolate.ts"],
          ...timeouts,
        },
      },
    ],
    coverage: {
      provider: "istanbul",
      include: ["{format,runtime,trainer,lab,deploy,cli,worker,package,scripts}/**/*.ts"],
      exclude: ["**/*.d.ts"],
      reporter: ["text-summary"],
    },
  },
}));
