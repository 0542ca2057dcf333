import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { shellWord } from "../../../trainer/terminal/shell-word.ts";

const asShellReads = (path: string): string => execFileSync("sh", ["-c", `printf %s ${shellWord(path)}`]).toString();

test.each(["log.csv", "two words.csv", "it's $HOME & `id`*.csv", "lög\n.csv", "runs/a=b,c.json", "~"])(
  "a shell reads %j as one word",
  (path) => {
    expect(asShellReads(path)).toBe(path);
  },
);

test.each(["-x.csv", "-two words.csv"])("%j is no option", (path) => {
  expect(asShellReads(path)).toBe(`./${path}`);
});
