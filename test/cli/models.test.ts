import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { makeProgram } from "../../cli/commands/program.ts";
import { readBlob } from "../../format/read-blob.ts";
import { PRIVATE_KEY } from "../../testing/format/golden.ts";
import { saveExport } from "../../trainer/export/export.ts";
import { sealExport } from "../../trainer/export/seal.ts";
import type { UpdateReport } from "../../trainer/export/update.ts";
import { goldenExport, saveGoldenExport } from "../deploy/golden-export.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-models-"));
afterAll(() => rmSync(folder, { recursive: true }));
const config = join(folder, "wrangler.toml");
const [first, second] = ["tiny", "pnn"].map((name) => join(folder, name));
const [tiny, pnn] = await Promise.all([goldenExport("tiny"), goldenExport("pnn")]);

const SIGNED = { signed: expect.objectContaining({ serial: expect.any(Number) }) };

/** Runs a command in this process, on the local KV of the configuration, and returns what it prints. */
async function run(...args: string[]): Promise<string> {
  const printed: string[] = [];
  const log = vi.spyOn(console, "log").mockImplementation((text) => void printed.push(String(text)));
  const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => printed.push(String(text)) > 0);
  try {
    await makeProgram().parseAsync([...args, "--config", config], { from: "user" });
  } finally {
    log.mockRestore();
    write.mockRestore();
  }
  return printed.join("\n");
}

beforeAll(async () => {
  writeFileSync(
    config,
    'name = "shop"\ncompatibility_date = "2026-10-20"\n[[kv_namespaces]]\nbinding = "MODELS"\nid = "shop"\n',
  );
  await saveGoldenExport(String(first), "tiny");
  await saveGoldenExport(String(second), "pnn");
});

it("publish, models and rollback name models and versions, and go there and back", async () => {
  expect(await run("publish", String(first))).toContain(`published tiny@${tiny.version}`);
  expect(await run("publish", String(second), "--no-switch", "--note", "not yet")).toContain(
    `published tiny@${pnn.version}; the version before goes on serving`,
  );
  expect(await run("models")).toMatch(
    new RegExp(`tiny, default │ ${tiny.version.slice(0, 12)} │ 20\\d\\d-\\S+ \\d\\d:\\d\\dZ │ [\\d.]+ KiB │ +2 │`),
  );
  const key = join(folder, "key.pem");
  writeFileSync(key, PRIVATE_KEY);
  expect(await run("rollback", "tiny", pnn.version.slice(0, 8), "--key", key)).toBe(
    `tiny@${pnn.version} serves, in place of ${tiny.version}`,
  );
  expect(await run("models", "tiny")).toMatch(new RegExp(`${pnn.version.slice(0, 12)}, serves │.*│ not yet │`));
  expect(JSON.parse(await run("models", "--json"))).toEqual([
    {
      ...{ model: "tiny", default: true },
      serves: { version: pnn.version, since: expect.stringMatching(/^20.*Z$/), previous: tiny.version, ...SIGNED },
      history: [
        {
          ...{ version: pnn.version, time: expect.stringMatching(/^20.*Z$/), metrics: {} },
          ...{ bytes: pnn.blob.length, note: "not yet" },
        },
        expect.objectContaining({ version: tiny.version, note: "" }),
      ],
    },
  ]);
});

it("publish says what an update has kept", async () => {
  const update: UpdateReport = {
    of: tiny.version,
    rows: 2,
    bytes: 2048,
    budget: 4096,
    pagesKept: 1,
    pagesRewritten: 0,
  };
  saveExport(
    join(folder, "update"),
    await sealExport({ model: readBlob(tiny.blob), pages: tiny.pages }, { update }, []),
  );
  expect(await run("publish", join(folder, "update"))).toContain(
    `update of ${tiny.version}: delta rows 2, 2.0 KiB of 4.0 KiB (rows.deltaBytes); pages kept 1, rewritten 0\n`,
  );
});
