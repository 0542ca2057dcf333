import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { mac, readMacKeys, sameBytes } from "../../format/mac.ts";
import { checkRequestId, MAX_CLOCK_SKEW_MS, makeRequestId } from "../../format/request-id.ts";
import { generateToken } from "../../format/tokens.ts";
import { UNSIGNED_ID } from "../../testing/exposures/example-lines.ts";

const SECRETS = [generateToken(), generateToken()];
const KEYS = readMacKeys(SECRETS.join(" "), "SECRETS");
const NOW = 1_767_225_600_123;
const HOUR = 3_600_000;
const now = { now: NOW, maxAge: HOUR };

describe("a request's id", () => {
  test("says when it was made, and no two are alike", () => {
    const ids = Array.from({ length: 1000 }, () => makeRequestId(KEYS, NOW));
    expect(new Set(ids).size).toBe(1000);
    for (const id of ids.slice(0, 50)) {
      expect(id).toMatch(/^[\w-]{30}$/);
      expect(checkRequestId(id, KEYS, now)).toBe(NOW);
    }
  });

  test("has 48 bits of milliseconds, 80 random ones, 4 of the key and 48 of an HMAC-SHA-256", () => {
    const id = makeRequestId(KEYS, NOW);
    const bits = [...Buffer.from(`${id}A`, "base64url")].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    expect(Number.parseInt(bits.slice(0, 12), 16)).toBe(NOW);
    expect(Number.parseInt(bits[32], 16)).toBe(KEYS[0].number);
    const hmac = createHmac("sha256", SECRETS[0]).update("request id\0").update(bits.slice(0, 32), "hex");
    expect(bits.slice(33, 45)).toBe(hmac.digest("hex").slice(0, 12));
  });

  test("is known while the secret rotates, and no longer", () => {
    const old = makeRequestId(readMacKeys(SECRETS[1], "SECRETS"), NOW);
    expect(checkRequestId(old, KEYS, now)).toBe(NOW);
    const [first] = KEYS;
    expect(() => checkRequestId(old, [first], now)).toThrow("expected one that this Worker has signed");
  });

  test("of any other character is forged", () => {
    const id = makeRequestId(KEYS, NOW);
    const changed = [...id].map((c, i) => id.slice(0, i) + (c === "A" ? "B" : "A") + id.slice(i + 1));
    for (const text of changed)
      expect(() => checkRequestId(text, KEYS, now)).toThrow(
        /expected (one that this Worker has signed|one that is not made|one of the last)/,
      );
  });

  test("that another Worker signed is foreign", () => {
    const id = makeRequestId(readMacKeys(generateToken(), "SECRETS"), NOW);
    expect(() => checkRequestId(id, KEYS, now, "events[3].id")).toThrow(
      `events[3].id: got "${id}", expected one that this Worker has signed`,
    );
  });

  test.each([
    [NOW + HOUR, "is taken"],
    [NOW + HOUR + 1, "expected one of the last 1 hours"],
    [NOW - MAX_CLOCK_SKEW_MS, "is taken"],
    [NOW - MAX_CLOCK_SKEW_MS - 1, "expected one that is not made 60001 ms from now"],
  ])("is judged by its age at %i: %s", (at, verdict) => {
    const id = makeRequestId(KEYS, NOW);
    const check = (): number => checkRequestId(id, KEYS, { now: at, maxAge: HOUR });
    if (verdict === "is taken") expect(check()).toBe(NOW);
    else expect(check).toThrow(verdict);
  });

  test.each(["", "x", `${UNSIGNED_ID}A`, UNSIGNED_ID.replace("-", "+"), `${UNSIGNED_ID.slice(0, 29)}=`])(
    "is of one form: %j",
    (text) => {
      expect(() => checkRequestId(text, KEYS, now)).toThrow("expected a request's id of 30 characters");
    },
  );
});

describe("secrets", () => {
  test.each([
    ["", "SECRETS: got no secret, expected one or more with spaces between"],
    ["tooshort", "SECRETS: got a secret of 8 characters, expected 32 at least, of random bytes"],
    [Array.from({ length: 5 }, generateToken).join(","), "SECRETS: got 5 secrets, expected at most 4"],
  ])("are refused without being quoted", (text, message) => {
    expect(() => readMacKeys(text, "SECRETS")).toThrow(expect.objectContaining({ message }));
  });

  test("sign for one purpose, with no two texts that run together alike", () => {
    const [key] = KEYS;
    const bytes = new TextEncoder().encode("bc");
    const tag = mac(key, "a", bytes);
    expect(sameBytes(tag, mac(key, "a", bytes))).toBe(true);
    for (const [purpose, text] of [
      ["ab", "c"],
      ["", "a\0bc"],
      ["a", "bd"],
    ])
      expect(sameBytes(tag, mac(key, purpose, new TextEncoder().encode(text)))).toBe(false);
    expect(sameBytes(tag, tag.subarray(0, 31))).toBe(false);
  });
});
