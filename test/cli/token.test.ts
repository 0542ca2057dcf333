import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import { readTokenEntries, tokenDigest } from "../../format/tokens.ts";
import { foundTokens } from "../../testing/tokens.ts";
import { runCommand } from "./cli-process.ts";

const run = (...args: string[]) => runCommand(tmpdir(), ["token", ...args]);

describe("token", () => {
  it("prints a token, and the entry by which a Worker knows it", async () => {
    const { code, stdout } = await run("front-end", "--scope", "admin");
    expect(code).toBe(0);
    // The one command that prints a token, once.
    expect(foundTokens()).toEqual(["token: dfe_…"]);
    const [, token = "", entry = ""] = /^token: (dfe_\S{43})\nentry: (\S+)\n/.exec(stdout) ?? [];
    expect(readTokenEntries(entry, "TOKENS")).toEqual([
      { name: "front-end", scope: "admin", digest: await tokenDigest(token) },
    ]);
  });

  it.each([
    [["front end"], 'error: name: got "front end", expected 1 to 64 of A-Z a-z 0-9 . _ -'],
    [["a", "--scope", "all"], "Allowed choices are score, explain, admin."],
  ])("%j is refused in one line", async (args, problem) => {
    const { code, stdout, stderr } = await run(...args);
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toContain(problem);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});
