import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BLOB_HEADER_SIGNATURE } from "../../format/constants.ts";
import { sealBlob } from "../../format/seal.ts";
import { generateKeys, readSigningKey } from "../../format/signature.ts";
import { PUBLIC_KEY } from "../../testing/format/golden.ts";
import { HASH_KEY } from "../../testing/format/hash-key.ts";
import { CommandFolder, SPEC } from "./cli-process.ts";

const folder = new CommandFolder();
afterAll(() => folder[Symbol.dispose]());
const spec = folder.file("spec.json", JSON.stringify(SPEC));

describe("a blob", () => {
  const blob = fileURLToPath(new URL("../golden/tiny.blob.bin", import.meta.url));

  it("is inspected, as text and as JSON", async () => {
    const { code, stdout } = await folder.run("inspect", blob);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /signed +│ +by a key that calls itself 21fe31dfa154a261626bf854046fd227 \(not verified; --key verifies\)/,
    );
    expect(stdout).toMatch(/MLP +│ +4 │ +3 │ +int8 │ +relu │/);
    const json = JSON.parse((await folder.run("inspect", blob, "--json")).stdout);
    expect(json).toMatchObject({
      model: "tiny",
      version: createHash("sha256").update(readFileSync(blob)).digest("hex"),
      format: 8,
      items: null,
      signer: "21fe31dfa154a261626bf854046fd227",
      serial: Date.UTC(2026, 0, 1),
      signatureVerified: false,
      terms: ["linear", "FM", "MLP"],
      pages: 1,
      goldenRecords: { count: 6 },
      evidence: { provenance: { note: "made by hand" } },
      rows: { rows: 4 },
    });
    expect(json.sha256).toBe(json.version);
    expect(json.sections.map(({ name }: { name: string }) => name)).toContain("GOLDEN");
    expect(readFileSync(blob, "latin1")).toContain(HASH_KEY);
    expect(stdout + JSON.stringify(json)).not.toContain(HASH_KEY);
  });

  it("of the format before has a version that is not the SHA-256 of the file", async () => {
    const old = fileURLToPath(new URL("../golden/v4/tiny.blob.bin", import.meta.url));
    expect(JSON.parse((await folder.run("inspect", old, "--json")).stdout)).toMatchObject({
      model: "tiny",
      version: "c6874a2b98b9b922fd36d4d27fabcc6ff3592369db83fa263b68eb1f322b7845",
      sha256: createHash("sha256").update(readFileSync(old)).digest("hex"),
      format: 4,
    });
  });

  it("that is broken is refused by name", async () => {
    const bytes = readFileSync(blob);
    bytes[1500] = bytes[1500] ^ 1;
    writeFileSync(join(folder.path, "broken.blob"), bytes);
    const { code, stderr } = await folder.run("inspect", "broken.blob");
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^error: \S+\.blob: blob: got bytes of SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64} as its envelope says$/m,
    );
    writeFileSync(join(folder.path, "no.blob"), "none of it");
    const other = 'no.blob: got "none" at its start, expected a blob\'s "DFEM"';
    expect((await folder.run("inspect", "no.blob")).stderr).toContain(other);
    expect((await folder.run("inspect", "absent.blob")).stderr).toContain("absent.blob: no such file");
  });

  it("is signed with a key that is never overwritten", async () => {
    const { stdout } = await folder.run("keygen", "key.pem");
    expect(stdout).toMatch(/^MODEL_KEYS = "[A-Za-z0-9+/]{43}="$/m);
    const { code, stderr } = await folder.run("keygen", "key.pem");
    expect(code).toBe(1);
    expect(stderr).toContain("error: key.pem: got a file that exists, expected a new name");
    expect((await folder.run("sign", "nowhere", "--key", "key.pem")).stderr).toContain("export.json: no such file");
    expect((await folder.run("sign", "nowhere", "--key", spec)).stderr).toContain(
      "spec.json: got no PRIVATE KEY block",
    );
  });
});

describe("a blob's signature", () => {
  // The golden blob is signed with the private key of RFC 8032, section 7.1, test 1.
  const golden = fileURLToPath(new URL("../golden/tiny.blob.bin", import.meta.url));
  const id = "21fe31dfa154a261626bf854046fd227";
  const [pem, publicText] = [folder.file("signer.pem", ""), folder.file("signer.txt", "")];
  const [signed, unsigned, tampered] = ["signed.blob", "unsigned.blob", "tampered.blob"];
  let ownId = "";
  let ownPublic = "";
  beforeAll(async () => {
    const { privateKey, publicKey } = await generateKeys();
    ownPublic = publicKey;
    folder.file(pem, privateKey);
    folder.file(publicText, `${publicKey}\n`);
    const own = await readSigningKey(privateKey, pem);
    ownId = Buffer.from(own.id).toString("hex");
    const blob = new Uint8Array(readFileSync(golden));
    await sealBlob(blob);
    writeFileSync(join(folder.path, unsigned), blob);
    await sealBlob(blob, { key: own, serial: 1 });
    writeFileSync(join(folder.path, signed), blob);
    blob[BLOB_HEADER_SIGNATURE] = blob[BLOB_HEADER_SIGNATURE] ^ 1;
    writeFileSync(join(folder.path, tampered), blob);
  });

  it("is verified with a public key, a file of it, or the private key's file", async () => {
    for (const key of [ownPublic, publicText, pem, `${PUBLIC_KEY},${ownPublic}`]) {
      const { code, stdout } = await folder.run("inspect", signed, "--key", key);
      expect(stdout).toContain(`signature verified with the key ${ownId}`);
      expect(code).toBe(0);
    }
    const json = JSON.parse((await folder.run("inspect", golden, "--key", PUBLIC_KEY, "--json")).stdout);
    expect(json).toMatchObject({ signer: id, signatureVerified: true });
  });

  it("is refused where it is another's, forged or not there", async () => {
    const refusal = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await folder.run("inspect", ...args);
      expect([code, stdout]).toEqual([1, ""]);
      return stderr;
    };
    expect(await refusal(signed, "--key", PUBLIC_KEY)).toContain(
      `error: signed.blob: blob: got a signature by the key ${ownId}, expected ${id}`,
    );
    expect(await refusal(unsigned, "--key", pem, "--json")).toContain(
      `error: unsigned.blob: blob: got no signature, expected one by the key ${ownId}`,
    );
    expect(await refusal(tampered, "--key", publicText)).toContain(
      `error: tampered.blob: blob: got a signature that is not by the key ${ownId} that it names`,
    );
    expect(await refusal(signed, "--key", "absent.pem")).toContain(
      "error: --key, which is no file: key 1: got 10 characters of another form, expected the 44 characters of",
    );
    expect(await refusal(signed, "--key", "")).toContain("error: --key, which is no file: got no key, expected base64");
    expect(await refusal(signed, "--key", folder.file("empty.txt", "\n"))).toContain("error: empty.txt: got no key");
  });

  it("is not there, or not verified, without a key", async () => {
    expect((await folder.run("inspect", unsigned)).stdout).toMatch(/signed +│ +no +│/);
    expect((await folder.run("inspect", tampered)).stdout).toContain(
      `by a key that calls itself ${ownId} (not verified`,
    );
    const json = JSON.parse((await folder.run("inspect", unsigned, "--json")).stdout);
    expect(json).toMatchObject({ signer: null, signatureVerified: false });
  });
});
