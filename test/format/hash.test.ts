import { expect, test } from "vitest";
import { checksum, type Hash64, murmur128, murmur128Text, sha256, toHex } from "../../format/hash.ts";
import { integer, seeded } from "../../testing/format/random.ts";

// Vectors: the Python package mmh3 5.3.1, hash_bytes(data, seed, x64arch=False), first eight bytes in hex. It wraps the
// C++ of SMHasher, from which hash.ts was not made.

function hex({ lo, hi }: Hash64): string {
  return toHex(new Uint8Array(Uint32Array.of(lo, hi).buffer));
}

const out = { lo: 0, hi: 0 };

// Bytes (7i + 3) mod 256 for i < length, of the lengths 0 to 33: below, at and above one and two blocks of 16.
const BY_LENGTH: [seed: number, hashes: string[]][] = [
  [
    0x0,
    [
      "0000000000000000",
      "b259d1706f464376",
      "486b057ef7b23d81",
      "5a99afae170d1e3c",
      "640a73964a745a2b",
      "bc41a6bf36b77d47",
      "8d5a61cec7b62247",
      "cdbadeddbc81a788",
      "1555258051afc19f",
      "3f7df8834eaf63f4",
      "01064c448ceb5008",
      "503d1c929ab28175",
      "2e9205751a24e2f7",
      "3e23d836679b8d61",
      "963a735e350a8c71",
      "4c3186b1c99439d8",
      "f38ba166c08683ee",
      "c41ef028b2557430",
      "d1044a3639208c77",
      "f94bd803da3bdfef",
      "8868d5bc36e9d6ab",
      "111931aead8a0e9e",
      "a18126cbbf5234fa",
      "74d640aaecc27be9",
      "8d4e33d880e5a496",
      "4b57af673a098238",
      "be7eb3673ebcdc80",
      "c1ff3c95825e45fa",
      "33ec8b5684b9f5b0",
      "6d2a063a4e2a27ce",
      "00aabe8f0230e1a0",
      "9bfafe8c9dc415d7",
      "aca8eecc996264a6",
      "bd8ee86b99413ab0",
    ],
  ],
  [
    0x1,
    [
      "ecadc488b901d254",
      "20ac7a93285759b8",
      "86cf1cc62352beb1",
      "08c2e6b02b004bb7",
      "1f52b1be93666006",
      "772830e9b5153e19",
      "00d0c0e447870157",
      "e94a06157286ae7b",
      "50c9d99edbcaebc6",
      "f1337b40279e9e56",
      "1e05ecbadb57c0d1",
      "7b289cfb5aacfe1f",
      "a8dd3da51c0d9b05",
      "4b9e6c117bb1ab0b",
      "1a23afc733e789a4",
      "900b4ff807860d55",
      "f2f614bf0aecf830",
      "85e7339acd536d2f",
      "4db4ddad28706c12",
      "3c4325c7e6e10c3d",
      "12736f86a8ae4d8d",
      "abf2800f4cc10e95",
      "1ba3e34c1d3094da",
      "c6d04f9836568739",
      "23b506b0f3401e3a",
      "9deca477eb9d16dc",
      "1e4e236d7aea3baf",
      "b8b8ab1c9baa5659",
      "8a077234123686bf",
      "56913d1bd7b4191d",
      "8f052088d7a34289",
      "b3fc102a23273fd9",
      "a1209a2dd51ae11e",
      "654ecc2a18564eb4",
    ],
  ],
  [
    0x9747b28c,
    [
      "a1d5bef71c6a575b",
      "a0a1a1ef6cbef33f",
      "07b4f6bd0d0dfbf7",
      "e419e498e23b1de8",
      "c4697a6b31a86008",
      "dd2ad3fccfba5051",
      "c0a1c22c66cbf36e",
      "af1ebce75624e308",
      "caf818cad2319fb1",
      "be390002f474822b",
      "76ae75cad2c97c0d",
      "524c7dfc19834bc3",
      "e793406d10dd7800",
      "6fb30bb06921b343",
      "4f9e2bfe788abdb4",
      "46e6d6775ffe4086",
      "c3d1ffae03115668",
      "79ff3237268f6bfe",
      "739dbcf273130379",
      "b86621fea8a9438f",
      "d71db161f6e210d2",
      "16c3b845223db688",
      "6aa55d31acaaf949",
      "36258b85381bd819",
      "46429fec16ed42b0",
      "12dc3deeb79a8792",
      "945015162a87d43f",
      "7b698cf4f689a9c4",
      "cc964af7ef4411ec",
      "4613bd53548c6398",
      "8eddbe66a7cdaad4",
      "95f33b6fafa4ff2a",
      "0a9ceb0124cf56f8",
      "3d4af85e86e2ccf0",
    ],
  ],
  [
    0xffffffff,
    [
      "a9081e05f7499d98",
      "7ceb33dea74d0390",
      "780780c6e45ee9b6",
      "019be7e1b0f5e4c3",
      "ae5a4e456d1118c5",
      "64dad8c3770935d5",
      "805be2bd2b7de812",
      "25c1bd865f6ab905",
      "f03780d65154a08d",
      "5841c6e60e3c1aaa",
      "bec8335cd35f1e9c",
      "19b59ed986166f46",
      "f499308bda1ff17f",
      "528f532c517e19a8",
      "fcb3860a636d2768",
      "52072aa306d736d5",
      "1e0822ef13a40197",
      "ca8b8c3337ef7638",
      "92ad0e88266df6a0",
      "f69763b604a11838",
      "48e21aebee41643e",
      "165308a43f2bd1bc",
      "e62385331a9f682c",
      "d00d5c74a6db87b3",
      "2c8d789fc3ae4ee9",
      "0229b25448328dc9",
      "2fe68c0a2c3316dc",
      "416d4e7504943aad",
      "9d170e9b7fd539c6",
      "d967e08ad27da5cc",
      "0b064b7fef31e7ef",
      "26a27fbac0df890c",
      "9d06147ee0bb68bc",
      "4021ca8da4502048",
    ],
  ],
];

for (const [seed, hashes] of BY_LENGTH) {
  test(`bytes of length 0 to 33 under the seed ${seed}`, () => {
    const bytes = Uint8Array.from({ length: 64 }, (_, i) => (7 * i + 3) % 256);
    const got = hashes.map((_, length) => hex(murmur128(bytes, 0, length, seed, out)));
    expect(got).toEqual(hashes);
  });
}

const BY_TEXT: [text: string, seed: number, hash: string][] = [
  ["", 0, "0000000000000000"],
  ["", 42, "b62c6dafba0cc895"],
  ["", 2147483648, "e030b5478096f1b4"],
  ["a", 0, "3c9394a71bb05655"],
  ["a", 42, "524f7b51c60f4694"],
  ["a", 2147483648, "2cceb2605ba9294c"],
  ["hello", 0, "a044242bf7de91db"],
  ["hello", 42, "019a4f9cf6043405"],
  ["hello", 2147483648, "e3976699d7b1d8af"],
  ["The quick brown fox jumps over the lazy dog", 0, "c383152f672ceeec"],
  ["The quick brown fox jumps over the lazy dog", 42, "199cc6b0c795fdb1"],
  ["The quick brown fox jumps over the lazy dog", 2147483648, "129be1ffc920917c"],
  ["日本語", 0, "6fbafcbd9c20f6c3"],
  ["日本語", 42, "c180f859a47d35de"],
  ["日本語", 2147483648, "21fced4e30587545"],
  ["größe", 0, "f4af821701ca9745"],
  ["größe", 42, "f0a25448fc69e697"],
  ["größe", 2147483648, "05c7b621e30c3910"],
  ["😀", 0, "84fae2f0f2631470"],
  ["😀", 42, "b69a685f07ead284"],
  ["😀", 2147483648, "34128625322e43b6"],
  ["", 0, "93a17973d2e6c790"],
  ["", 42, "2d1297408ad97012"],
  ["", 2147483648, "90452a78ce165eec"],
  ["naïve café", 0, "e7c1924eb3e6aff5"],
  ["naïve café", 42, "7f79147ec8f3bfb6"],
  ["naïve café", 2147483648, "e7fbb1c4f25c4001"],
];

test.each(BY_TEXT)("text %j under the seed %i", (text, seed, hash) => {
  expect(hex(murmur128Text(text, seed, out))).toBe(hash);
});

test("text longer than the scratch buffer", () => {
  expect(hex(murmur128Text("é".repeat(700), 42, out))).toBe("6cfc7542f7672ed2");
  expect(hex(murmur128Text("0123456789".repeat(500), 42, out))).toBe("368c0ef0e7f72774");
});

test("an unpaired surrogate is hashed as U+FFFD", () => {
  expect(hex(murmur128Text("a\ud800b", 7, out))).toBe(hex(murmur128Text("a\ufffdb", 7, out)));
});

test("a range is hashed as if it stood alone, wherever it begins", () => {
  const random = seeded(1);
  const bytes = Uint8Array.from({ length: 200 }, () => integer(random, 0, 255));
  for (let round = 0; round < 300; round++) {
    const start = integer(random, 0, 200);
    const end = integer(random, start, 200);
    const seed = integer(random, 0, 2 ** 32 - 1);
    const alone = hex(murmur128(bytes.slice(start, end), 0, end - start, seed, out));
    expect(hex(murmur128(bytes, start, end, seed, out))).toBe(alone);
  }
});

test("the result is written into the given object and returned", () => {
  const target = { lo: 1, hi: 1 };
  expect(murmur128Text("hello", 0, target)).toBe(target);
  expect(target).toEqual({ lo: 0x2b2444a0, hi: 0xdb91def7 });
});

test("a checksum is the hash of the bytes under the section's id", () => {
  expect(hex(checksum(new TextEncoder().encode("hello"), 42))).toBe(hex(murmur128Text("hello", 42, out)));
});

test("hex keeps leading zeros", () => {
  expect(toHex(Uint8Array.of(0, 1, 16, 255))).toBe("000110ff");
});

test("SHA-256 of the empty text and of abc, FIPS 180-2", async () => {
  const of = async (text: string): Promise<string> => toHex(await sha256(new TextEncoder().encode(text)));
  expect(await of("")).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  expect(await of("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});
