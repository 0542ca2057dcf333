import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import * as c from "../../format/constants.ts";
import { sealBlob, signerOf, verifyBlob } from "../../format/seal.ts";
import { generateKeys, readPublicKeys, readSigningKey } from "../../format/signature.ts";
import { edited } from "../../testing/format/edit-blob.ts";
import { PUBLIC_KEY } from "../../testing/format/golden.ts";

// The golden blob is signed with the private key of RFC 8032, section 7.1, test 1.
const golden = new Uint8Array(readFileSync(new URL("../golden/tiny.blob.bin", import.meta.url)));
const [rfc] = await readPublicKeys(PUBLIC_KEY, "RFC 8032");
if (!rfc) throw new Error("no key");
const pair = await generateKeys();
const own = await readSigningKey(pair.privateKey, "own");
const [ownPublic] = await readPublicKeys(pair.publicKey, "own");
if (!ownPublic) throw new Error("no key");

describe("a blob's name", () => {
  test("stands for every byte", async () => {
    const name = await verifyBlob(golden, [rfc]);
    expect(name).toMatch(/^[0-9a-f]{64}$/);
    for (let at = 0; at < golden.length; at += 1) {
      const changed = edited(golden, (_, bytes) => {
        bytes[at] = bytes[at] ^ 1;
      });
      const got = await verifyBlob(changed, [rfc]).catch(() => "refused");
      expect(got, `byte ${at}`).not.toBe(name);
      if (at >= c.BLOB_HEADER_KEY_ID) expect(got, `byte ${at}`).toBe("refused");
    }
  });

  test("differs with the signature, not with the order of signing", async () => {
    const [unsigned, signed] = [golden.slice(), golden.slice()];
    const name = await sealBlob(unsigned);
    expect(await sealBlob(signed, own)).not.toBe(name);
    expect(await sealBlob(signed)).toBe(name);
    expect(signed).toEqual(unsigned);
  });

  test("needs a header", async () => {
    await expect(verifyBlob(golden.subarray(0, 191))).rejects.toThrow("blob: got 191 bytes, expected at least 192");
  });
});

describe("a signature", () => {
  test("is not asked for where no key is trusted", async () => {
    const unsigned = golden.slice();
    const name = await sealBlob(unsigned);
    expect(await verifyBlob(unsigned)).toBe(name);
    expect(signerOf(unsigned)).toBeNull();
  });

  test("by any of the trusted keys will do", async () => {
    const signed = golden.slice();
    const name = await sealBlob(signed, own);
    expect(await verifyBlob(signed, [rfc, ownPublic])).toBe(name);
    expect(signerOf(signed)).toBe(Buffer.from(own.id).toString("hex"));
  });

  test("is refused where there is none, another's, or one of other bytes", async () => {
    const unsigned = golden.slice();
    await sealBlob(unsigned);
    await expect(verifyBlob(unsigned, [rfc])).rejects.toThrow(
      /^blob: got no signature, expected one by the key 21fe31dfa154a261626bf854046fd227$/,
    );
    const others = golden.slice();
    await sealBlob(others, own);
    await expect(verifyBlob(others, [rfc])).rejects.toThrow(
      /^blob: got a signature by the key [0-9a-f]{32}, expected 21fe31dfa154a261626bf854046fd227$/,
    );
    const forged = others.slice();
    forged.set(rfc.id, c.BLOB_HEADER_KEY_ID);
    await expect(verifyBlob(forged, [rfc])).rejects.toThrow(
      "blob: got a signature that is not by the key 21fe31dfa154a261626bf854046fd227 that it names",
    );
  });
});

describe("keys", () => {
  test("may be several, with spaces or commas between, or none", async () => {
    expect(await readPublicKeys(` ${PUBLIC_KEY},${pair.publicKey}\n`, "keys")).toHaveLength(2);
    expect(await readPublicKeys("", "keys")).toEqual([]);
  });

  test.each(["abc", "A".repeat(43), `${"A".repeat(42)}==`, `${PUBLIC_KEY}x`])("%s is none", async (text) => {
    await expect(readPublicKeys(text, "MODEL_KEYS")).rejects.toThrow(
      `MODEL_KEYS: got ${JSON.stringify(text)}, expected base64 of an Ed25519 public key's 32 bytes`,
    );
  });

  test("a private key is PEM, of Ed25519", async () => {
    await expect(readSigningKey("hello", "key.pem")).rejects.toThrow("key.pem: got no PRIVATE KEY block");
    const broken = pair.privateKey.replace("MC4CAQAwBQYDK2Vw", "MC4CAQAwBQYDK2Vx");
    await expect(readSigningKey(broken, "key.pem")).rejects.toThrow("key.pem: got a private key that cannot be read");
  });
});
