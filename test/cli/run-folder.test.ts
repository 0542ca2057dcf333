// A run folder is one training's at a time, and is of use from any other folder.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PRIVATE_KEY } from "../../testing/format/golden.ts";
import { CLI, CommandFolder, killCommand, LOG, SPEC } from "./cli-process.ts";
import { runHere } from "./command-here.ts";
import { RUN_FILES } from "./run-files.ts";

const folder = new CommandFolder();
afterAll(() => folder[Symbol.dispose]());
const at = (...names: string[]): string => join(folder.path, ...names);
const trainInto = (spec: string, out: string): string[] => {
  const logs = ["--train", "log.csv", "--valid", "log.csv", "--cache", "cache", "--backend", "cpu"];
  return ["train", spec, ...logs, "--out", out];
};
const long = { ...SPEC, training: { maxEpochs: 100_000, patience: 100_000 } };

beforeAll(async () => {
  folder.file("log.csv", LOG);
  folder.file(
    "spec.json",
    JSON.stringify({ ...SPEC, rows: { blobBytes: 0 }, training: { maxEpochs: 2, patience: 2 } }),
  );
  folder.file("long.json", JSON.stringify(long));
  for (const args of [trainInto("spec.json", "run"), ["export", "run", "--cache", "cache"]]) {
    const { code, stderr } = await folder.run(...args);
    expect(code, stderr).toBe(0);
  }
});

/** The epochs' numbers in a run's metrics.jsonl. */
function epochsOf(out: string): number[] {
  const lines = readFileSync(at(out, "metrics.jsonl"), "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line).epoch);
}

it("a run is exported from another folder than it was trained in", async () => {
  mkdirSync(at("sub"));
  const args = ["export", "../run", "--force", "--cache", "../cache"];
  const { code, stdout, stderr } = await runHere(at("sub"), args);
  expect(code, stderr).toBe(0);
  expect(stdout).toContain("../run/export: blob");
});

it("a run is exported as an update of an export of it, whose pages stay", async () => {
  const args = ["export", "run", "--cache", "cache", "--out", "again", "--update", "run/export"];
  const { code, stdout, stderr } = await folder.run(...args);
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^update of [0-9a-f]{64}: delta rows 0, .*; pages kept 1, rewritten 0$/m);
  expect(readdirSync(at("again", "pages"))).toEqual(readdirSync(at("run", "export", "pages")));
});

describe("an export that the system refuses to write", () => {
  const files = (out: string): string[] => readdirSync(at(out), { recursive: true, encoding: "utf8" }).sort();

  it("leaves no file where none was, whichever it is", async () => {
    const args = ["export", "run", "--force", "--cache", "cache", "--out"];
    mkdirSync(at("taken", "report.html"), { recursive: true });
    const refused = await folder.run(...args, "taken");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/^error: taken\/report\.html: not written: EISDIR: .*; a folder has this name/m);
    expect(files("taken")).toEqual(["report.html"]);

    const command = `trap '' XFSZ; ulimit -f 4; exec '${process.execPath}' '${CLI}' ${args.join(" ")} limited`;
    const limited = spawnSync("bash", ["-c", command], { cwd: folder.path, encoding: "utf8" });
    expect(limited.stderr).toMatch(/^error: limited\/[0-9a-f]{64}\.blob: not written: EFBIG: .*ulimit -f/m);
    expect(readdirSync(folder.path)).not.toContain("limited");
  });

  it("leaves the export before it as it was", async () => {
    const before = files("run/export");
    const page = readFileSync(at("run", "export", "report.html"), "utf8");
    const args = ["export", "run", "--force", "--quantize", "f32", "--cache", "cache"];
    const command = `trap '' XFSZ; ulimit -f 4; exec '${process.execPath}' '${CLI}' ${args.join(" ")}`;
    const { stderr } = spawnSync("bash", ["-c", command], { cwd: folder.path, encoding: "utf8" });
    expect(stderr).toMatch(/^error: run\/export\/[0-9a-f]{64}\.blob: not written: EFBIG: /m);
    expect(files("run/export")).toEqual(before);
    expect(readFileSync(at("run", "export", "report.html"), "utf8")).toBe(page);
  });

  it("to a file in place of a folder is refused before it is measured", async () => {
    folder.file("file", "");
    const { code, out } = await folder.run("export", "run", "--force", "--cache", "cache", "--out", "file");
    expect(code).toBe(1);
    expect(out).toBe("error: file: got a file, expected a folder for the exported model\n");
  });
});

it("a signed export has another version, which its report names", async () => {
  folder.file("key.pem", PRIVATE_KEY);
  await folder.run("export", "run", "--cache", "cache", "--out", "signed");
  const { code, stdout, stderr } = await folder.run("sign", "signed", "--key", "key.pem");
  expect(code, stderr).toBe(0);
  const [, version = "none"] = /@([0-9a-f]{64}), signed/.exec(stdout) ?? [];
  expect(readFileSync(at("signed", "report.html"), "utf8")).toContain(`Version ${version}.`);
});

it("of two exports into one folder at the same time, the second to end is refused", async () => {
  const args = ["export", "run", "--max-logloss-loss", "100", "--cache", "cache", "--out", "both", "--quantize"];
  const ended = await Promise.all(["int8", "f32"].map((type) => folder.runApart(...args, type)));
  expect(ended.map(({ code }) => code).sort()).toEqual([0, 1]);
  const [refused] = ended.filter(({ code }) => code === 1);
  expect(refused?.stderr).toContain(
    "error: both: got an exported model there (export.json), expected a folder without",
  );
  expect(readdirSync(at("both")).filter((name) => name.endsWith(".blob"))).toHaveLength(1);
});

describe("two trainings into one folder", () => {
  it("at the same time: the second is refused, and the first goes on; killed, it leaves nothing beside the next", async () => {
    const args = trainInto("long.json", "shared");
    let refused: Awaited<ReturnType<typeof runHere>> | null = null;
    const second = async (): Promise<void> => {
      refused = await folder.run(...trainInto("spec.json", "shared"));
    };
    let started = false;
    await killCommand(folder.path, args, () => {
      if (!started && readdirSync(folder.path).includes("shared") && readdirSync(at("shared")).includes("run.json")) {
        started = true;
        void second();
      }
      return refused !== null;
    });
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error: shared: got a folder that another process is writing into/m),
    });
    const epochs = epochsOf("shared");
    expect(epochs).toEqual(epochs.map((_, i) => i + 1));
    expect(JSON.parse(readFileSync(at("shared", "run.json"), "utf8")).spec.training.maxEpochs).toBe(100_000);

    for (const name of ["model.safetensors", "metrics.jsonl"])
      writeFileSync(at("shared", `${name}.deepfm-edge-${"0".repeat(16)}.tmp`), "half");
    const { code, stderr } = await folder.run(...trainInto("spec.json", "shared"));
    expect(code, stderr).toBe(0);
    expect(epochsOf("shared")).toEqual([1, 2]);
    expect(readdirSync(at("shared")).sort()).toEqual(RUN_FILES);
  });
});
