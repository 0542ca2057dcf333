import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import * as c from "../../format/constants.ts";
import { FormatError } from "../../format/errors.ts";
import { sealBlob, serialOf, signerOf, verifyBlob } from "../../format/seal.ts";
import { generateKeys, readPublicKeys, readSigningKey } from "../../format/signature.ts";
import { edited } from "../../testing/format/edit-blob.ts";
import { PUBLIC_KEY } from "../../testing/format/golden.ts";

// The golden blobs are signed with the private key of RFC 8032, section 7.1, test 1.
const read = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(path, import.meta.url)));
const golden = read("../golden/tiny.blob.bin");
const goldenOfFormat4 = read("../golden/v4/tiny.blob.bin");
const [rfc] = await readPublicKeys(PUBLIC_KEY, "RFC 8032");
if (!rfc) throw new Error("no key");
const pair = await generateKeys();
const own = await readSigningKey(pair.privateKey, "own");
const signing = { key: own, serial: Date.UTC(2026, 0, 2) };
const [ownPublic] = await readPublicKeys(pair.publicKey, "own");
if (!ownPublic) throw new Error("no key");

describe("a blob's version", () => {
  test.each([
    ["format 8", golden],
    ["format 7", read("../golden/v7/tiny.blob.bin")],
    ["format 6", read("../golden/v6/tiny.blob.bin")],
    ["format 5", read("../golden/v5/tiny.blob.bin")],
    ["format 4", goldenOfFormat4],
  ])("stands for every byte: %s", async (_, blob) => {
    const version = await verifyBlob(blob, [rfc]);
    expect(version).toMatch(/^[0-9a-f]{64}$/);
    const taken: number[] = [];
    for (let at = 0; at < blob.length; at += 1) {
      const changed = edited(blob, (_, bytes) => {
        bytes[at] = bytes[at] ^ 1;
      });
      const got = await verifyBlob(changed, [rfc]).catch(() => "refused");
      if (got === version || (at >= c.BLOB_HEADER_KEY_ID && got !== "refused")) taken.push(at);
      const says = await verifyBlob(changed, [], version).catch(({ message }: Error) => message);
      if (!says.startsWith("blob: ")) taken.push(at);
    }
    expect(taken, "bytes whose change is not seen").toEqual([]);
  });

  test("is the SHA-256 of the file; in format 4 that of the envelope", async () => {
    const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
    expect(await verifyBlob(golden)).toBe(sha256(golden));
    expect(await verifyBlob(goldenOfFormat4)).toBe(sha256(goldenOfFormat4.subarray(0, c.BLOB_ENVELOPE_BYTES)));
  });

  test("is all that is checked where it is expected: one pass, which does not see a false digest", async () => {
    const digest = vi.spyOn(crypto.subtle, "digest");
    onTestFinished(() => digest.mockRestore());
    const passes = (): number[] => digest.mock.calls.map(([, bytes]) => bytes.byteLength);
    const version = await verifyBlob(golden);
    expect(passes()).toEqual([golden.length - c.BLOB_ENVELOPE_BYTES, golden.length]);
    digest.mockClear();
    expect(await verifyBlob(golden, [], version)).toBe(version);
    expect(passes()).toEqual([golden.length]);

    const falseDigest = edited(golden, (_, bytes) => {
      bytes[c.BLOB_HEADER_DIGEST] = bytes[c.BLOB_HEADER_DIGEST] ^ 1;
    });
    const own = createHash("sha256").update(falseDigest).digest("hex");
    expect(await verifyBlob(falseDigest, [], own)).toBe(own);
    await expect(verifyBlob(falseDigest)).rejects.toThrow("blob: got bytes of SHA-256");
    await expect(verifyBlob(falseDigest, [rfc], own)).rejects.toThrow("blob: got bytes of SHA-256");
  });

  test("that is expected and another are both named", async () => {
    const [version, other] = [await verifyBlob(golden), "0".repeat(64)];
    for (const keys of [[], [rfc]])
      await expect(verifyBlob(golden, keys, other)).rejects.toThrow(
        `blob: got the version ${version} from its bytes, expected ${other}`,
      );
  });

  test("differs with the signature, not with the order of signing", async () => {
    const [unsigned, signed] = [golden.slice(), golden.slice()];
    const version = await sealBlob(unsigned);
    expect(await sealBlob(signed, signing)).not.toBe(version);
    expect(await sealBlob(signed)).toBe(version);
    expect(signed).toEqual(unsigned);
  });

  test("needs a header, of a format that readers take", async () => {
    await expect(verifyBlob(golden.subarray(0, 191))).rejects.toThrow("blob: got 191 bytes, expected at least 192");
    for (const format of [3, 9])
      await expect(
        verifyBlob(edited(golden, (view) => view.setUint32(c.BLOB_HEADER_VERSION, format, true))),
      ).rejects.toThrow(`blob: header: got version ${format}, expected 4 to 8`);
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
    const name = await sealBlob(signed, signing);
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
    await sealBlob(others, signing);
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

describe("a serial number", () => {
  const withSerial = async (blob: Uint8Array, serial: bigint): Promise<Uint8Array> => {
    const changed = edited(blob, (view) => view.setBigUint64(c.BLOB_HEADER_SERIAL, serial, true));
    changed.set(createHash("sha256").update(changed.subarray(c.BLOB_ENVELOPE_BYTES)).digest(), c.BLOB_HEADER_DIGEST);
    return changed;
  };

  test("is what a blob is signed with; an unsigned one has none", async () => {
    const blob = golden.slice();
    const version = await sealBlob(blob, signing);
    expect(serialOf(blob)).toBe(signing.serial);
    expect(await sealBlob(blob, { ...signing, serial: signing.serial + 1 })).not.toBe(version);
    await sealBlob(blob);
    expect(serialOf(blob)).toBe(0);
  });

  test("is covered by the signature", async () => {
    const later = await withSerial(golden, BigInt(serialOf(golden) + 1));
    await expect(verifyBlob(later, [rfc])).rejects.toThrow("blob: got a signature that is not by the key");
  });

  test.each([
    [0n, "0"],
    [8_640_000_000_000_001n, "8640000000000001"],
  ])("that is no time is refused in a signed blob: %s", async (serial, shown) => {
    await expect(verifyBlob(await withSerial(golden, serial))).rejects.toThrow(
      `blob: header: got serial number ${shown}, expected a time from 1 to 8640000000000000, as it is signed`,
    );
  });

  test("in an unsigned blob is refused", async () => {
    const unsigned = golden.slice();
    await sealBlob(unsigned);
    const changed = await withSerial(unsigned, 1n);
    const version = createHash("sha256").update(changed).digest("hex");
    for (const expected of [undefined, version])
      await expect(verifyBlob(changed, [], expected)).rejects.toThrow(
        "blob: header: got serial number 1, expected 0, as it is not signed",
      );
  });

  test("before format 8 means nothing, even where a blob says that it is older than it is", async () => {
    expect(serialOf(read("../golden/v7/tiny.blob.bin"))).toBe(0);
    const older = edited(golden, (view) => view.setUint32(c.BLOB_HEADER_VERSION, 7, true));
    expect(await verifyBlob(older, [rfc])).toMatch(/^[0-9a-f]{64}$/);
    expect(serialOf(older)).toBe(0);
  });

  test("is missing in a signed blob of format 7 that says it is newer, which is refused", async () => {
    const newer = edited(read("../golden/v7/tiny.blob.bin"), (view) => view.setUint32(c.BLOB_HEADER_VERSION, 8, true));
    await expect(verifyBlob(newer, [rfc])).rejects.toThrow("blob: header: got serial number 0, expected a time");
  });
});

describe("keys", () => {
  test("may be several, with spaces or commas between, or none", async () => {
    expect(await readPublicKeys(` ${PUBLIC_KEY},${pair.publicKey}\n`, "keys")).toHaveLength(2);
    expect(await readPublicKeys("", "keys")).toEqual([]);
  });

  test.each(["abc", "A".repeat(43), `${"A".repeat(42)}==`, `${PUBLIC_KEY}x`])(
    "%s is none, and not shown",
    async (text) => {
      await expect(readPublicKeys(`${PUBLIC_KEY} ${text}`, "MODEL_KEYS")).rejects.toThrow(
        new FormatError(
          "MODEL_KEYS: key 2",
          `got ${text.length} characters of another form, expected the 44 characters of an Ed25519 public key in base64`,
        ),
      );
    },
  );

  test("a private key is PEM, of Ed25519", async () => {
    await expect(readSigningKey("hello", "key.pem")).rejects.toThrow("key.pem: got no PRIVATE KEY block");
    const broken = pair.privateKey.replace("MC4CAQAwBQYDK2Vw", "MC4CAQAwBQYDK2Vx");
    await expect(readSigningKey(broken, "key.pem")).rejects.toThrow("key.pem: got a private key that cannot be read");
  });
});
