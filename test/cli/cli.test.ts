import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BLOB_HEADER_SIGNATURE } from "../../format/constants.ts";
import { sealBlob } from "../../format/seal.ts";
import { generateKeys, readSigningKey } from "../../format/signature.ts";
import { PUBLIC_KEY } from "../../testing/format/golden.ts";

// The command line as a user meets it, in a process of its own.

const CLI = fileURLToPath(new URL("../../cli/cli.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));

function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [CLI, ...args], { cwd: folder }, (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}

function file(name: string, content: string): string {
  writeFileSync(join(folder, name), content);
  return name;
}

const SPEC = { name: "tiny", fields: [{ name: "user", type: "categorical" }] };
const spec = file("spec.json", JSON.stringify(SPEC));
const good = file("good.csv", "label,user\n1,a\n0,b\n1,a\n0,b\n");

describe("help", () => {
  it("says what each command needs", async () => {
    const { code, stdout } = await run("--help");
    expect(code).toBe(0);
    for (const command of [
      "generate",
      "train",
      "compare",
      "study",
      "tune",
      "export",
      "inspect",
      "keygen",
      "sign",
      "publish",
      "evaluate",
      "start",
      "recipe",
    ])
      expect(stdout).toContain(command);
    const { stdout: train } = await run("train", "--help");
    expect(train).toMatch(
      /--data <path\.\.\.>.*--train <path\.\.\.>.*--valid <path\.\.\.>.*--test <path\.\.\.>.*--cache <folder>.*--out <folder>.*--backend <name>.*tfjs-node-gpu/s,
    );
  });
});

describe("a blob", () => {
  const blob = fileURLToPath(new URL("../golden/tiny.blob.bin", import.meta.url));

  it("is inspected, as text and as JSON", async () => {
    const { code, stdout } = await run("inspect", blob);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /signed +│ +by a key that calls itself 21fe31dfa154a261626bf854046fd227 \(not verified; --key verifies\)/,
    );
    expect(stdout).toMatch(/MLP +│ +4 │ +3 │ +int8 │ +relu │/);
    const json = JSON.parse((await run("inspect", blob, "--json")).stdout);
    expect(json).toMatchObject({
      model: "tiny",
      version: createHash("sha256").update(readFileSync(blob)).digest("hex"),
      format: 5,
      items: null,
      signer: "21fe31dfa154a261626bf854046fd227",
      signatureVerified: false,
      terms: ["linear", "FM", "MLP"],
      pages: 1,
      goldenRecords: { count: 6 },
      evidence: { provenance: { note: "made by hand" } },
      rows: { rows: 4 },
    });
    expect(json.sha256).toBe(json.version);
    expect(json.sections.map(({ name }: { name: string }) => name)).toContain("GOLDEN");
  });

  it("of the format before has a version that is not the SHA-256 of the file", async () => {
    const old = fileURLToPath(new URL("../golden/v4/tiny.blob.bin", import.meta.url));
    expect(JSON.parse((await run("inspect", old, "--json")).stdout)).toMatchObject({
      model: "tiny",
      version: "c6874a2b98b9b922fd36d4d27fabcc6ff3592369db83fa263b68eb1f322b7845",
      sha256: createHash("sha256").update(readFileSync(old)).digest("hex"),
      format: 4,
    });
  });

  it("that is broken is refused by name", async () => {
    const bytes = readFileSync(blob);
    bytes[1500] = bytes[1500] ^ 1;
    writeFileSync(join(folder, "broken.blob"), bytes);
    const { code, stderr } = await run("inspect", "broken.blob");
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^error: blob: got bytes of SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64} as its envelope says$/m,
    );
    writeFileSync(join(folder, "no.blob"), "none of it");
    const other = 'no.blob: got "none" at its start, expected a blob\'s "DFEM"';
    expect((await run("inspect", "no.blob")).stderr).toContain(other);
    expect((await run("inspect", "absent.blob")).stderr).toContain("absent.blob: ENOENT");
  });

  it("is signed with a key that is never overwritten", async () => {
    const { stdout } = await run("keygen", "key.pem");
    expect(stdout).toMatch(/^MODEL_KEYS = "[A-Za-z0-9+/]{43}="$/m);
    const { code, stderr } = await run("keygen", "key.pem");
    expect(code).toBe(1);
    expect(stderr).toContain("error: key.pem: got a file that exists, expected a new name");
    expect((await run("sign", "nowhere", "--key", "key.pem")).stderr).toContain("export.json: no such file");
    expect((await run("sign", "nowhere", "--key", spec)).stderr).toContain("spec.json: got no PRIVATE KEY block");
  });
});

describe("a blob's signature", () => {
  // The golden blob is signed with the private key of RFC 8032, section 7.1, test 1.
  const golden = fileURLToPath(new URL("../golden/tiny.blob.bin", import.meta.url));
  const id = "21fe31dfa154a261626bf854046fd227";
  const [pem, publicText] = [file("signer.pem", ""), file("signer.txt", "")];
  const [signed, unsigned, tampered] = ["signed.blob", "unsigned.blob", "tampered.blob"];
  let ownId = "";
  let ownPublic = "";
  beforeAll(async () => {
    const { privateKey, publicKey } = await generateKeys();
    ownPublic = publicKey;
    file(pem, privateKey);
    file(publicText, `${publicKey}\n`);
    const own = await readSigningKey(privateKey, pem);
    ownId = Buffer.from(own.id).toString("hex");
    const blob = new Uint8Array(readFileSync(golden));
    await sealBlob(blob);
    writeFileSync(join(folder, unsigned), blob);
    await sealBlob(blob, own);
    writeFileSync(join(folder, signed), blob);
    blob[BLOB_HEADER_SIGNATURE] = blob[BLOB_HEADER_SIGNATURE] ^ 1;
    writeFileSync(join(folder, tampered), blob);
  });

  it("is verified with a public key, a file of it, or the private key's file", async () => {
    for (const key of [ownPublic, publicText, pem, `${PUBLIC_KEY},${ownPublic}`]) {
      const { code, stdout } = await run("inspect", signed, "--key", key);
      expect(stdout).toContain(`signature verified with the key ${ownId}`);
      expect(code).toBe(0);
    }
    const json = JSON.parse((await run("inspect", golden, "--key", PUBLIC_KEY, "--json")).stdout);
    expect(json).toMatchObject({ signer: id, signatureVerified: true });
  });

  it("is refused where it is another's, forged or not there", async () => {
    const refusal = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await run("inspect", ...args);
      expect([code, stdout]).toEqual([1, ""]);
      return stderr;
    };
    expect(await refusal(signed, "--key", PUBLIC_KEY)).toContain(
      `error: blob: got a signature by the key ${ownId}, expected ${id}`,
    );
    expect(await refusal(unsigned, "--key", pem, "--json")).toContain(
      `error: blob: got no signature, expected one by the key ${ownId}`,
    );
    expect(await refusal(tampered, "--key", publicText)).toContain(
      `error: blob: got a signature that is not by the key ${ownId} that it names`,
    );
    expect(await refusal(signed, "--key", "absent.pem")).toContain(
      'error: --key, which is no file: got "absent.pem", expected base64 of an Ed25519 public key',
    );
    expect(await refusal(signed, "--key", "")).toContain("error: --key, which is no file: got no key, expected base64");
    expect(await refusal(signed, "--key", file("empty.txt", "\n"))).toContain("error: empty.txt: got no key");
  });

  it("is not there, or not verified, without a key", async () => {
    expect((await run("inspect", unsigned)).stdout).toMatch(/signed +│ +no +│/);
    expect((await run("inspect", tampered)).stdout).toContain(`by a key that calls itself ${ownId} (not verified`);
    const json = JSON.parse((await run("inspect", unsigned, "--json")).stdout);
    expect(json).toMatchObject({ signer: null, signatureVerified: false });
  });
});

describe("train", () => {
  it("prints the backend and the metrics, and saves the run", async () => {
    const { code, stdout, stderr } = await run(
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
    expect(readdirSync(join(folder, "run")).sort()).toEqual([
      "metrics.jsonl",
      "model.safetensors",
      "report.html",
      "run.json",
    ]);
    const metrics = JSON.parse(readFileSync(join(folder, "metrics.json"), "utf8"));
    expect(metrics.test).toMatchObject({ records: 4, clickRate: 0.5, auc: 1 });
    expect(metrics.test.grouped).toMatchObject({ by: "user", gauc: null, groups: 0 });
  });
});

describe("train on one log", () => {
  const log = file(
    "one.csv",
    `label,user\n${Array.from({ length: 200 }, (_, i) => `${Number(i % 7 < 3)},u${i % 7}`).join("\n")}\n`,
  );
  const divided = file("divided.json", JSON.stringify({ ...SPEC, data: { split: { kind: "random", valid: 0.3 } } }));

  it("divides it as the spec says, and the export finds its part again", async () => {
    const { code, stdout } = await run("train", divided, "--data", log, "--out", "one", "--backend", "cpu");
    expect(stdout).toMatch(/validation, epoch \d+.*test/s);
    expect(code).toBe(0);
    expect(JSON.parse(readFileSync(join(folder, "one", "run.json"), "utf8")).validLog).toEqual({
      paths: [log],
      part: "valid",
    });
    const exported = await run("export", "one");
    expect(exported.stdout).toMatch(/int8, chosen │ +[3-9]\d │/); // records: about 30 % of 200
  });

  it("is not exported where that loses more than is allowed, unless forced", async () => {
    // Fitted on users that the model does not know, it cannot tell those that it does.
    const lossy = ["export", "one", "--out", "lossy", "--quantize", "int4", "--calibrate", good];
    const strict = [...lossy, "--max-auc-loss", "0.0001"];
    const refused = await run(...strict);
    expect(refused.stderr).toMatch(
      /error: tiny: as int4 it loses too much on \d\d records: got ΔAUC .* and Δlogloss .*, expected at least −0\.000100 and at most \+0\.100 %/,
    );
    expect(refused.code).toBe(1);
    expect(existsSync(join(folder, "lossy"))).toBe(false);
    const forced = await run(...strict, "--max-logloss-loss", "0", "--force");
    expect(forced.code).toBe(0);
    const { evidence } = JSON.parse((await run("inspect", "lossy", "--json")).stdout);
    expect(evidence.quantization).toMatchObject({ chosen: "int4", limits: { auc: 0.0001, logloss: 0 } });
    const wrong = await run(...strict, "--max-logloss-loss", "-1");
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
    const { code, stderr } = await run(...args);
    expect(stderr).toContain(`error: ${problem}`);
    expect(code).toBe(1);
  });
});

describe("bad input: one line that names the place, exit code 1, nothing written", () => {
  const unknownKey = file("unknown-key.json", JSON.stringify({ ...SPEC, feilds: [] }));
  const notJson = file("not-json.json", "{");
  const noLabel = file("no-label.csv", "click,user\n1,a\n");
  const badLabel = file("bad-label.csv", "label,user\n1,a\n2,b\n");
  const train = (specFile: string, log: string, ...more: string[]) => [
    "train",
    specFile,
    "--train",
    log,
    "--valid",
    good,
    "--out",
    "bad",
    ...more,
  ];
  it.each<[string, string[], string]>([
    ["a spec with an unknown key", train(unknownKey, good), "error: unknown-key.json: feilds: unknown key"],
    ["a spec that is not JSON", train(notJson, good), "error: not-json.json: not JSON"],
    ["a spec that is not there", train("absent.json", good), "error: absent.json: ENOENT"],
    [
      "a log without the label column",
      train(spec, noLabel),
      'error: no-label.csv: no column "label"; got "click", "user"',
    ],
    [
      "a label of 2",
      train(spec, badLabel),
      'error: bad-label.csv, line 3: column label: got "2", expected a label of 0 or 1',
    ],
    ["a log that is not there", train(spec, "absent.csv"), "error: absent.csv: no such file"],
    ["a test log that is not there", train(spec, good, "--test", "absent.csv"), "error: absent.csv: no such file"],
    [
      "a group that is no column",
      train(spec, good, "--group", "session"),
      'error: good.csv: no column "session"; got "label", "user"',
    ],
    ["a backend that does not exist", train(spec, good, "--backend", "abacus"), "argument 'abacus' is invalid"],
    [
      "a recipe for nothing",
      ["recipe", "criteo", "--from", "nowhere", "--out", "bad"],
      "error: nowhere: got none of train.txt",
    ],
    ["a run that is not there", ["export", "nowhere"], "error: nowhere/model.safetensors: not a trained model"],
    ["an export that is not there", ["publish", "nowhere"], "error: nowhere/export.json: no such file"],
    ["a count that is not a number", ["generate", "log", "--rows", "many"], "got many, expected a positive integer"],
  ])("%s", async (_, args, problem) => {
    const { code, stdout, stderr } = await run(...args);
    expect(stderr).toContain(problem);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stdout).toBe("");
    expect(code).toBe(1);
    expect(existsSync(join(folder, "bad"))).toBe(false);
  });
});
