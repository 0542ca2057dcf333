import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { FormatError } from "../../format/errors.ts";
import { generateToken, readTokenEntries, writeTokenEntry } from "../../format/tokens.ts";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const DIGEST = sha256("a");

describe("a token", () => {
  test("has 256 random bits, and a prefix to find it by", () => {
    const tokens = Array.from({ length: 100 }, generateToken);
    for (const token of tokens) expect(token).toMatch(/^dfe_[A-Za-z0-9_-]{43}$/);
    expect(new Set(tokens).size).toBe(100);
  });

  test("is known to a server by its name, scope and SHA-256", async () => {
    const token = generateToken();
    const entry = await writeTokenEntry("front-end.2", "score", token);
    expect(entry).toBe(`front-end.2:score:${sha256(token)}`);
    expect(readTokenEntries(entry, "TOKENS")).toEqual([
      { name: "front-end.2", scope: "score", digest: Uint8Array.from(Buffer.from(sha256(token), "hex")) },
    ]);
  });

  test.each(["", "a b", "a:b", "é", "a".repeat(65)])("has no name like %j", async (name) => {
    await expect(writeTokenEntry(name, "score", "dfe_x")).rejects.toThrow(FormatError);
  });
});

describe("entries", () => {
  test("may be several, with spaces, commas or line ends between, two of one name, or none", () => {
    const names = (text: string): string[] => readTokenEntries(text, "TOKENS").map(({ name }) => name);
    expect(names(`a:score:${DIGEST}, b:admin:${DIGEST}\r\na:score:${DIGEST}\n`)).toEqual(["a", "b", "a"]);
    expect(names(" \n")).toEqual([]);
  });

  // By name: what is printed of a slow test must have no token.
  test.each([
    ["a token", generateToken()],
    ["no scope", `a:${DIGEST}`],
    ["upper-case digits", `a:score:${DIGEST.toUpperCase()}`],
    ["a digit more", `a:score:${DIGEST}0`],
    ["a part more", `a:score:${DIGEST}:x`],
    ["no name", `:score:${DIGEST}`],
    ["a token for a digest", `a:score:${generateToken()}`],
    ["no digest", `secret:${"x".repeat(10)}`],
  ])("%s is none, and is not shown", (_, entry) => {
    const read = () => readTokenEntries(`a:score:${DIGEST} ${entry}`, "TOKENS");
    expect(read).toThrow(`TOKENS: entry 2: got ${entry.length} characters of another form, expected <name>:<scope>:`);
  });

  test("have a known scope", () => {
    expect(() => readTokenEntries(`a:secret:${DIGEST}`, "TOKENS")).toThrow(
      new FormatError("TOKENS: entry 1", "got an unknown scope, expected score, explain or admin"),
    );
  });
});
