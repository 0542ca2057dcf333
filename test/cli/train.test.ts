import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, describe, expect, it } from "vitest";
import { CommandFolder, LOG, SPEC } from "./cli-process.ts";
import { RUN_FILES } from "./run-files.ts";

const folder = new CommandFolder();
afterAll(() => folder[Symbol.dispose]());
const spec = folder.file("spec.json", JSON.stringify(SPEC));
const good = folder.file("good.csv", LOG);

describe("train", () => {
  it("prints the backend and the metrics, and saves the run", async () => {
    const { code, stdout, stderr } = await folder.run(
      "train",
      spec,
      "--train",
      good,
      "--valid",
      good,
      "--test",
      good,
      "--out",
      "run",
      "--group",
      "user",
      "--json",
      "metrics.json",
      "--backend",
      "cpu",
    );
    expect(stderr).toContain("TensorFlow.js backend: cpu");
    expect(stdout).toMatch(/validation, epoch \d+.*test.*AUC.*logloss.*ECE.*GAUC by user.*NDCG@10 by user/s);
    expect(code).toBe(0);
    expect(readdirSync(join(folder.path, "run")).sort()).toEqual(RUN_FILES);
    const metrics = JSON.parse(readFileSync(join(folder.path, "metrics.json"), "utf8"));
    expect(metrics.test).toMatchObject({ records: 4, clickRate: 0.5, auc: 1 });
    expect(metrics.test.grouped).toMatchObject({ by: "user", gauc: null, groups: 0 });
  });
});

describe("train on one log", () => {
  const log = folder.file(
    "one.csv",
    `label,user\n${Array.from({ length: 200 }, (_, i) => `${Number(i % 7 < 3)},u${i % 7}`).join("\n")}\n`,
  );
  const divided = folder.file(
    "divided.json",
    JSON.stringify({ ...SPEC, data: { split: { kind: "random", valid: 0.3 } }, training: { maxEpochs: 3 } }),
  );

  it("divides it as the spec says, and the export finds its part again", async () => {
    const { code, stdout, stderr } = await folder.run("train", divided, "--data", log, "--out", "one");
    // The export is a process that has started no backend of TensorFlow.js for the training.
    expect(stderr).toMatch(/engine: assembly, \w+(, wide)? \(\d+ threads?\), as it is the fastest without a GPU/);
    expect(stdout).toMatch(/validation, epoch \d+.*test/s);
    expect(code).toBe(0);
    expect(JSON.parse(readFileSync(join(folder.path, "one", "run.json"), "utf8")).validLog).toEqual({
      paths: [log],
      part: "valid",
    });
    const exported = await folder.run("export", "one");
    expect(exported.stdout).toMatch(/int8, chosen │ +[3-9]\d │/); // records: about 30 % of 200
  });

  it("and evaluate scores its part for the test", async () => {
    let scored = 0;
    const server = createServer(async (request, response) => {
      const { records } = JSON.parse(await text(request)) as { records: unknown[] };
      scored += records.length;
      response.end(JSON.stringify({ scores: records.map(() => 0.5) }));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const named = ["--export", join("one", "export"), "--spec", divided, "--test", log];
    const { stdout } = await folder.run("evaluate", url, ...named);
    server.close();
    expect(stdout).toContain(`${scored} records of one.csv: the part for the test that data.split makes`);
    expect(scored / 200).toBeCloseTo(0.1, 1);
  });

  it("is not exported where that loses more than is allowed, unless forced", async () => {
    // The calibration set has only users that the model does not know, so that its layers are fitted badly.
    const lossy = ["export", "one", "--out", "lossy", "--quantize", "int4", "--calibrate", good];
    const strict = [...lossy, "--max-auc-loss", "0.0001"];
    const refused = await folder.run(...strict);
    expect(refused.stderr).toMatch(
      /error: tiny: as int4 it loses too much on \d\d records: got ΔAUC .* and Δlogloss .*,/,
    );
    expect(refused.stderr).toContain(", in their 99.9 % intervals, expected ones that reach −0.000100 and +0.100 %;");
    expect(refused.code).toBe(1);
    expect(existsSync(join(folder.path, "lossy"))).toBe(false);
    const forced = await folder.run(...strict, "--max-logloss-loss", "0", "--force");
    expect(forced.code).toBe(0);
    const { evidence } = JSON.parse((await folder.run("inspect", "lossy", "--json")).stdout);
    expect(evidence.quantization).toMatchObject({ chosen: "int4", limits: { auc: 0.0001, logloss: 0 } });
    const wrong = await folder.run(...strict, "--max-logloss-loss", "-1");
    expect(wrong.stderr).toContain("got -1, expected a number of 0 or more");
  });

  it.each([
    ["without data.split", ["train", spec, "--data", log, "--out", "bad"], "--data needs data.split in the spec"],
    [
      "beside --valid",
      ["train", divided, "--data", log, "--valid", good, "--out", "bad"],
      "--data goes without --train",
    ],
    ["and neither", ["train", divided, "--train", log, "--out", "bad"], "--train and --valid go together"],
  ])("is refused %s", async (_, args, problem) => {
    const { code, stderr } = await folder.run(...args);
    expect(stderr).toContain(`error: ${problem}`);
    expect(code).toBe(1);
  });
});
