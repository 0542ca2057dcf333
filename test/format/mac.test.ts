import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { mac, readMacKeys } from "../../format/mac.ts";

const SECRETS = ["first secret ".repeat(4), "x".repeat(100)].map((secret) => secret.replaceAll(" ", "-"));
const LENGTHS = [0, 1, 31, 55, 56, 63, 64, 65, 200];

test("a message's tag is that of HMAC-SHA-256, whatever was signed before with the same key", () => {
  const keys = readMacKeys(SECRETS.join(" "), "secrets");
  for (const length of [...LENGTHS, ...LENGTHS.toReversed()])
    for (const purpose of ["unit", "request id", "p".repeat(70)])
      for (const [i, key] of keys.entries()) {
        const bytes = Uint8Array.from({ length }, (_, at) => at + i);
        const expected = createHmac("sha256", SECRETS[i]).update(`${purpose}\0`).update(bytes).digest("hex");
        expect(Buffer.from(mac(key, purpose, bytes)).toString("hex")).toBe(expected);
      }
});

test("a secret has 32 characters at least, and there are four at most", () => {
  const secret = (length: number): string => "s".repeat(length);
  expect(readMacKeys(secret(32), "secrets")).toHaveLength(1);
  expect(readMacKeys(Array(4).fill(secret(32)).join(", "), "secrets")).toHaveLength(4);
  const refused = (text: string) => expect(() => readMacKeys(text, "secrets"));
  refused(secret(31)).toThrow("secrets: got a secret of 31 characters, expected 32 at least");
  refused(Array(5).fill(secret(32)).join(" ")).toThrow("secrets: got 5 secrets, expected at most 4");
  refused(" ").toThrow("secrets: got no secret");
});

test("a tag stays as it is when the next message is signed", () => {
  const [key] = readMacKeys(SECRETS[0], "secrets");
  const first = mac(key, "unit", Uint8Array.of(1));
  const kept = first.slice();
  mac(key, "unit", Uint8Array.of(2));
  expect(first).toEqual(kept);
});
