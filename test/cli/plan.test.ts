import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { afterAll, expect, it, vi } from "vitest";
import { makeProgram } from "../../cli/commands/program.ts";
import { saveGoldenExport } from "../deploy/golden-export.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-plan-"));
afterAll(() => rmSync(folder, { recursive: true }));
const log = join(folder, "log.csv");
const lines = Array.from({ length: 40 }, (_, i) => `${i % 2},${["a", "b", "c", "d"][i % 4]},${i}`);
writeFileSync(log, `click,site,price\n${lines.join("\n")}\n`);

/** Runs the command in this process, and returns what it prints. */
async function plan(...args: string[]): Promise<string> {
  const printed: string[] = [];
  const print = vi.spyOn(console, "log").mockImplementation((text) => void printed.push(String(text)));
  const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => printed.push(String(text)) > 0);
  try {
    await (await makeProgram()).parseAsync(["plan", ...args], { from: "user" });
  } finally {
    print.mockRestore();
    write.mockRestore();
  }
  return printed.join("\n");
}

const Count = v.pipe(v.number(), v.finite(), v.minValue(0));
const Dollars = v.strictObject({ kv: Count, r2: Count, assets: Count });
const Spread = v.strictObject({ mean: Count, p95: Count });
const Traffic = v.strictObject({
  ...{ warmUp: Count, requests: Count, lookups: Count, youngKeys: Count, keys: Spread, bytes: Spread },
  tiers: v.strictObject({ blob: Count, isolate: Count, absent: Count, source: Count, beyondLimit: Count }),
  dollarsPerMillion: Dollars,
});
const Layout = v.strictObject({
  ...{ headFactor: Count, headBytes: Count, headRows: Count, filterBytes: Count },
  ...{ pageBytes: Count, pages: Count, pagesBytes: Count, publishDollars: Count },
  ...{ score: Traffic, rank: v.nullable(Traffic), storageDollarsPerMonth: Dollars },
});
const Plan = v.strictObject({
  ...{ log: v.string(), records: Count, candidates: Count, cacheBytes: Count, keysPerRequest: Count },
  ...{ heads: v.array(Layout), present: Layout, pageSizes: v.array(Layout) },
  recommended: v.strictObject({ headFactor: Count, headBytes: Count, pageBytes: Count, reasons: v.array(v.string()) }),
  catalogue: v.nullable(
    v.strictObject({
      byCandidates: v.array(v.strictObject({ candidates: Count, keys: Count })),
      ...{ keys: Count, savesPerMillion: Count, paysFrom: v.nullable(Count) },
      items: v.nullable(v.strictObject({ field: v.string(), count: Count, bytes: Count })),
      entries: v.nullable(v.strictObject({ bytesPerItem: Count, inBlob: Count, pages: Count, keys: Count })),
    }),
  ),
});

it("plans an export with a log, as text and as JSON, and says what it lacks", async () => {
  const path = join(folder, "tiny");
  await saveGoldenExport(path, "tiny");
  const json = v.parse(Plan, JSON.parse(await plan(path, "--data", log, "--candidates", "5", "--json")));
  expect(json).toMatchObject({ records: 20, candidates: 5, cacheBytes: 16 * 2 ** 20, keysPerRequest: 32 });
  expect(json.present).toMatchObject({ headFactor: 1, headRows: 2, pages: 1 });
  const text = await plan(path, "--data", log, "--candidates", "5");
  expect(text).toContain("the first half says how frequent rows are");
  expect(text).toMatch(/1 × .*score 1 .*\n.*rank 5/);
  await expect(plan(path)).rejects.toThrow("got an export and no log, expected --data");
  await expect(plan(path, "--data", log, "--frequencies")).rejects.toThrow("got both --data and --frequencies");
  const short = join(folder, "short.csv");
  writeFileSync(short, "click,site,price\n1,a,2\n");
  await expect(plan(path, "--data", short)).rejects.toThrow(`${short}: got 1 record, expected at least 4`);
});
