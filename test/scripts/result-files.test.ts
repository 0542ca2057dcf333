// The files into which programs of this repository write what they found.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ChaosReport } from "../../testing/chaos/report.ts";
import { toJson } from "../../trainer/io/files.ts";

const MINUTES = 5 * 60_000;

test.each(["chaos", "attack"])(
  "%s replaces no other file than an earlier report of its own",
  (program) => {
    const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-result-files-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const spec = join(folder, "spec.json");
    writeFileSync(spec, '{\n  "name": "ads"\n}\n');
    const { status, stderr } = spawnSync(process.execPath, [`scripts/programs/${program}.ts`, "--json", spec], {
      encoding: "utf8",
    });
    expect(stderr).toContain(`${spec}: got a file that is there and is no JSON of ${program}, expected a new name, or`);
    expect([status, readFileSync(spec, "utf8")]).toEqual([1, '{\n  "name": "ads"\n}\n']);
  },
  MINUTES,
);

test("a report of chaos is known by its first key", () => {
  expect(toJson(new ChaosReport()).startsWith('{\n  "phases": ')).toBe(true);
});
