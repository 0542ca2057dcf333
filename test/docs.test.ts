import { existsSync, globSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { makeProgram } from "../cli/commands/program.ts";
import { check, type Repository } from "../testing/docs/check.ts";
import { commandsPage, runnableCommands } from "../testing/docs/commands.ts";
import { readDocument } from "../testing/docs/document.ts";
import { referencePage } from "../testing/docs/reference.ts";
import { spaceJsonSchema, specJsonSchema } from "../testing/format/golden.ts";
import { DEFAULT_SETTINGS } from "../worker/settings/default-settings.ts";

// Every link, path, command and option of the documents exists, and every figure stands once.

const root = new URL("../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");
const DOCUMENTS = [
  ...["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "assembly/README.md"],
  ...globSync("docs/**/*.md", { cwd: root }),
];

const { scripts, exports = {} } = JSON.parse(read("package.json"));
const repository: Repository = {
  exists: (path) => (path.includes("*") ? globSync(path, { cwd: root }).length > 0 : existsSync(new URL(path, root))),
  read,
  scripts,
  exports: Object.keys(exports),
  options: await commandOptions(),
};

/** The options of each command of the command line. */
async function commandOptions(): Promise<Map<string, Set<string>>> {
  const commands = [...runnableCommands(await makeProgram())];
  return new Map(commands.map(([name, { options }]) => [name, new Set(options.map(({ long }) => long ?? ""))]));
}

test("the documents say what is so", () => {
  expect(
    check(
      DOCUMENTS.map((path) => readDocument(path, read(path))),
      repository,
    ),
  ).toEqual([]);
});

test("the messages of the troubleshooting page are those of the code", () => {
  const sources = globSync("{format,runtime,trainer,lab,deploy,cli,worker}/**/*.{ts,js}", { cwd: root })
    .filter((path) => !path.includes("node_modules"))
    // A message may be written over several lines, with quotes that are escaped.
    .map((path) => read(path).replace(/["`] \+\s+["`]/g, ""));
  const messages = [...read("docs/troubleshooting.md").matchAll(/^### `(.*)`$/gm)].map(([, message = ""]) => message);
  expect(messages.length).toBeGreaterThanOrEqual(40);
  const known = (message: string): boolean => {
    const parts = message
      .split("…")
      .map((part) => part.replace(/^[\s:;,(]+|[\s:;,(]+$/g, ""))
      .filter((part) => part.length > 1);
    return sources.some((source) => parts.every((part) => source.includes(part)));
  };
  expect(messages.filter((message) => !known(message))).toEqual([]);
});

test("the page of serving has every event of the Worker's log, and no other", () => {
  const sources = globSync("worker/**/*.ts", { cwd: root }).map(read).join("\n");
  const logged = [...sources.matchAll(/(?:log(?:Info|Warning|Error)|new SampledLog)\(["`]([^"`]+)/g)].map(
    ([, event = ""]) => event,
  );
  const kinds = ["exposures", "events"];
  const events = logged.flatMap((event) =>
    event.includes("$") ? kinds.map((kind) => event.replace(/\$\{[^}]*\}/, kind)) : [event],
  );
  const [, table = ""] = /^#### The log\n.*?\n\n(\| about .*?)\n\n/ms.exec(read("docs/serving.md")) ?? [];
  const listed = [...table.matchAll(/`([a-z_]+)`/g)].map(([, event]) => event);
  expect(listed.toSorted()).toEqual([...new Set(events)].toSorted());
});

test("the page of serving has every option of createApp, and no other", () => {
  const [, table = ""] = /^\| option +\| default +\|\n(.*?)\n\n/ms.exec(read("docs/serving.md")) ?? [];
  const listed = [...table.matchAll(/^\| `(\w+)`/gm)].map(([, option]) => option);
  const [, own = ""] = /interface AppOptions.*?\n(.*?)\n\}/s.exec(read("worker/settings/app-options.ts")) ?? [];
  const options = [...own.matchAll(/^ {2}(\w+)\?:/gm)].map(([, option]) => option);
  expect(listed.toSorted()).toEqual([...new Set([...Object.keys(DEFAULT_SETTINGS), ...options])].toSorted());
});

test("the generated pages are what the code writes", async () => {
  expect(read("docs/reference.md")).toBe(referencePage(specJsonSchema(), spaceJsonSchema()));
  expect(read("docs/commands.md")).toBe(commandsPage(await makeProgram()));
});

test("there is something to check", () => {
  const documents = DOCUMENTS.map((path) => readDocument(path, read(path)));
  expect(documents.flatMap(({ links }) => links).length).toBeGreaterThan(50);
  expect(documents.flatMap(({ commands }) => commands).length).toBeGreaterThan(50);
  expect(documents.flatMap(({ spans }) => spans).length).toBeGreaterThan(200);
  expect(documents.flatMap(({ rows }) => rows).length).toBeGreaterThan(100);
});

describe("the checker", () => {
  const checked = (text: string, path = "docs/a.md"): string[] => check([readDocument(path, text)], repository);

  test.each([
    ["a link", "[a](missing.md)"],
    ["a link from the root", "[a](README.md)"],
    ["an anchor", "[a](#missing)"],
    ["another document's anchor", "[a](training.md#missing)"],
    ["a path", "`worker/missing.ts`"],
    ["a folder", "`worker/missing`"],
    ["a path that is not from the root", "`limits.ts`"],
    ["a pattern", "`worker/*.missing`"],
    ["an entry of the package", "`deepfm-edge/missing`"],
    ["an option", "`--missing`"],
    ["a script", "    npm run missing"],
    ["a script in prose", "`npm run missing`"],
    ["a command", "    npx deepfm-edge missing"],
    ["a command in a fence", "```sh\nnpx deepfm-edge missing\n```"],
    ["a command's option", "    npx deepfm-edge train spec.json --missing 1"],
    ["an option on a continuation line", "    npx deepfm-edge train spec.json \\\n      --missing 1"],
    ["another command's option", "    npx deepfm-edge publish runs/a --quantize int8"],
    ["an option of npm start", "    npm start -- --missing"],
    ["a benchmark", "    npm run bench -- missing"],
    ["an option of the fuzzer", "    npm run fuzz -- --missing 1"],
    ["an option of the attack", "    npm run attack -- --missing 1"],
    ["a file that a command takes", "    npx deepfm-edge train examples/missing.json"],
    ["a command of the packages", "    npx missing"],
    ["a table without its command", "# A\n\n| a | 0.12345 | 0.23456 |"],
    ["a table that stands twice", "# A\n\n    npm start\n\n| a | 0.12345 | 1,234 |\n\n│ a │ 0.12345 │ 1,234 │"],
    ["a long line", "a ".repeat(61)],
  ])("finds %s", (_, text) => {
    expect(checked(text)).toHaveLength(1);
  });

  test("finds a README that is too long", () => {
    expect(checked("a\n".repeat(131), "README.md")).toEqual(["README.md: got 131 lines, expected at most 130"]);
    expect(checked("a\n".repeat(130), "README.md")).toEqual([]);
  });

  test("names place and fault", () => {
    expect(checked("a\n\n`worker/missing.ts`")).toEqual(["docs/a.md:3: names worker/missing.ts, which is not there"]);
  });

  test.each([
    ["[a](../README.md) [b](https://example.org/c) [c](training.md#the-models)"],
    ["## Which model, which settings?\n\n[a](#which-model-which-settings)"],
    ["`worker/limits.ts` `trainer/model/zoo/` `docs/*.md` `runs/a/export` `application/json` `/v1/score` `w/x y`"],
    ["    npx deepfm-edge COMMAND --help\n    npx deepfm-edge train a.json --out runs/a # --missing"],
    ["    npm ci --prefix bench/peers\n    npm run bench -- NAME\n    npm run fuzz -- --minutes 10 --seed 1"],
    ["# A\n\n    npm start\n\n| a | 0.12345 | 1,234 |"],
  ])("finds nothing in %j", (text) => {
    expect(checked(text)).toEqual([]);
  });
});
