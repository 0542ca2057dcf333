import { existsSync, globSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import ts from "typescript";
import { describe, expect, test } from "vitest";

const KERNELS = "build/*.wasm";

/**
 * What the files of each room may import. The folders test, testing, bench and scripts are no rooms: they may import
 * anything, and no room may import from them. In a pattern `*` stands for any characters but `/`, and `**` for any
 * characters; `npm` allows all packages, a package's name that one, `node` the modules of Node itself.
 */
const ALLOWED: Record<string, string[]> = {
  format: ["format/**", "npm"],
  runtime: ["runtime/**", "format/**", KERNELS, "node"],
  assembly: ["assembly/**", "format/constants", "runtime/abi"],
  worker: ["worker/**", "runtime/**", "format/**", KERNELS, "npm", "node"],
  // A page: of the Worker it knows what the routes take and answer, as types.
  playground: ["playground/**", "worker/routes/answers.ts", "worker/routes/bodies.ts", "format/**", "valibot"],
  trainer: ["trainer/**", "runtime/**", "format/**", KERNELS, "npm", "node"],
  lab: ["lab/**", "trainer/**", "runtime/**", "format/**", "npm", "node"],
  deploy: ["deploy/**", "trainer/**", "runtime/**", "format/**", "npm", "node"],
  cli: ["cli/**", "lab/**", "deploy/**", "trainer/**", "runtime/**", "format/**", "npm", "node"],
  package: ["package/**", "worker/**", "runtime/**", "format/**"],
  // Written from FORMAT.md alone, so that the document is tested too.
  "test/independent": ["test/independent/**", "vitest", "node"],
};

function allowedFor(path: string): string[] | undefined {
  return ALLOWED[Object.keys(ALLOWED).find((folder) => path.startsWith(`${folder}/`)) ?? ""];
}

/** By its path from the root: a file's text. */
type Files = Map<string, string>;

function matches(pattern: string, target: string): boolean {
  const source = pattern
    .replace(/[.+?^${}()|[\]\\]/g, "\\$&")
    .replaceAll("**", "\0")
    .replaceAll("*", "[^/]*");
  return new RegExp(`^${source.replaceAll("\0", ".*")}$`).test(target);
}

/** What a file imports, by import, import() or export … from. `target`: the path from the root, or the package. */
function importsOf(path: string, text: string): { specifier: string; target: string }[] {
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName: specifier }) => {
    const relative = specifier.startsWith(".") || specifier.startsWith("/");
    return { specifier, target: relative ? posix.join(posix.dirname(path), specifier) : specifier };
  });
}

function isAllowed(allowed: string[], specifier: string, target: string): boolean {
  const relative = specifier.startsWith(".") || specifier.startsWith("/");
  if (relative) return allowed.some((pattern) => matches(pattern, target));
  return allowed.includes(specifier) || allowed.includes(specifier.startsWith("node:") ? "node" : "npm");
}

/** One line for each import that crosses a wall, and for each cycle of files. */
function violations(files: Files): string[] {
  const found: string[] = [];
  for (const [path, text] of files) {
    const allowed = allowedFor(path);
    if (!allowed) continue;
    for (const { specifier, target } of importsOf(path, text)) {
      if (!isAllowed(allowed, specifier, target))
        found.push(`${path} imports "${specifier}", allowed are ${allowed.join(", ")}`);
    }
  }
  return [...found, ...cycles(files)];
}

/** Imports of types count too: two files that need each other's types should be one file, or share a third. */
function cycles(files: Files): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    const start = path.indexOf(file);
    if (start >= 0) {
      found.push(`cycle: ${[...path.slice(start), file].join(" → ")}`);
      return;
    }
    if (done.has(file)) return;
    path.push(file);
    for (const { target } of importsOf(file, files.get(file) ?? "")) {
      // AssemblyScript's imports have no extension.
      for (const name of [target, `${target}.ts`]) if (files.has(name)) visit(name);
    }
    path.pop();
    done.add(file);
  };
  for (const file of files.keys()) visit(file);
  return found;
}

const root = new URL("../", import.meta.url);

function filesOf(folders: string[]): Files {
  const names = folders.flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: root }));
  const paths = names.map((name) => name.replaceAll("\\", "/")).filter((name) => !name.includes("node_modules"));
  return new Map(paths.sort().map((path) => [path, readFileSync(new URL(path, root), "utf8")]));
}

describe("the house", () => {
  const files = filesOf([...Object.keys(ALLOWED), "test", "testing", "bench", "scripts"]);

  test.each(Object.keys(ALLOWED).filter((folder) => existsSync(new URL(folder, root))))("%s is looked at", (folder) => {
    expect([...files.keys()].some((path) => path.startsWith(`${folder}/`))).toBe(true);
  });

  test("imports only along its edges, and in no circle", () => {
    expect(violations(files)).toEqual([]);
  });
});

describe("the checker", () => {
  const check = (entries: Record<string, string>): string[] => violations(new Map(Object.entries(entries)));

  test.each([
    ["format", "../trainer/model.ts"],
    ["format", "../runtime/scorer.ts"],
    ["format", "../worker/index.ts"],
    ["format", "../test/format/tiny.ts"],
    ["format", "../build/kernel.simd.wasm"],
    ["format", "../formats/a.ts"],
    ["format", "node:fs"],
    ["runtime", "../trainer/model.ts"],
    ["runtime", "../worker/index.ts"],
    ["runtime", "valibot"],
    ["worker", "../trainer/model.ts"],
    ["worker", "../trainer"],
    ["worker", "../deploy/publish.ts"],
    ["worker", "../assembly/index.ts"],
    ["worker", "../bench/load.ts"],
    ["worker", "../build/other.wasm.map"],
    ["worker", "../build/kernel.simd.wasm.ts"],
    ["trainer", "../worker/index.ts"],
    ["trainer", "../assembly/index.ts"],
    ["trainer", "../lab/sweeps/compare.ts"],
    ["trainer", "../deploy/publish.ts"],
    ["trainer", "../cli/commands/program.ts"],
    ["lab", "../deploy/publish.ts"],
    ["lab", "../cli/commands/program.ts"],
    ["deploy", "../lab/sweeps/compare.ts"],
    ["deploy", "../cli/commands/program.ts"],
    ["deploy", "../worker/index.ts"],
    ["cli", "../worker/index.ts"],
    ["cli", "../testing/format/tiny.ts"],
    ["assembly", "../format/record"],
    ["assembly", "../runtime/kernel"],
    ["assembly", "../worker/index"],
    ["assembly", "valibot"],
    ["worker/routes", "../../trainer/model.ts"],
    ["test/independent", "../../format/record.ts"],
    ["test/independent", "../format/tiny.ts"],
    ["test/independent", "valibot"],
  ])("%s may not import %s", (folder, specifier) => {
    for (const text of [
      `import { a } from "${specifier}";`,
      `import type { A } from '${specifier}';`,
      `import "${specifier}";`,
      `export * from "${specifier}";`,
      `export { a } from "${specifier}";`,
      `const a = await import("${specifier}");`,
      `type A = import("${specifier}").A;`,
    ]) {
      const [first] = check({ [`${folder}/a.ts`]: text });
      expect(first, text).toBe(
        `${folder}/a.ts imports "${specifier}", allowed are ${allowedFor(`${folder}/a.ts`)?.join(", ")}`,
      );
    }
  });

  test.each([
    ["format", "valibot"],
    ["format", "./keys.ts"],
    ["runtime", "../format/record.ts"],
    ["runtime", "node:fs"],
    ["worker", "../format/record.ts"],
    ["worker", "../runtime/scorer.ts"],
    ["worker", "../build/kernel.relaxed.wasm"],
    ["worker", "hono"],
    ["worker/routes", "../../format/record.ts"],
    ["trainer", "../format/record.ts"],
    ["trainer", "../runtime/scorer.ts"],
    ["trainer", "node:fs"],
    ["lab", "../trainer/training/train.ts"],
    ["deploy", "../trainer/export/export.ts"],
    ["cli", "../deploy/publish.ts"],
    ["cli", "../lab/sweeps/compare.ts"],
    ["assembly/score", "../../format/constants"],
    ["assembly/score", "../../runtime/abi"],
    ["assembly", "./memory"],
    ["test", "../trainer/model.ts"],
    ["test/independent", "./score.ts"],
    ["test/independent", "node:crypto"],
    ["test/independent", "vitest"],
    ["bench", "../worker/index.ts"],
  ])("%s may import %s", (folder, specifier) => {
    expect(check({ [`${folder}/a.ts`]: `import { a } from "${specifier}";` })).toEqual([]);
  });

  test("text and comments are no imports", () => {
    const text = `// import "../trainer/a.ts"\nconst a = 'import "../trainer/a.ts"';`;
    expect(check({ "worker/a.ts": text })).toEqual([]);
  });

  test("finds a cycle, of one file, of three, and without extensions", () => {
    expect(check({ "format/a.ts": 'import "./a.ts";' })).toEqual(["cycle: format/a.ts → format/a.ts"]);
    expect(
      check({
        "trainer/a.ts": 'import "./b.ts";',
        "trainer/b.ts": 'export * from "./c.ts";',
        "trainer/c.ts": 'import "./a.ts";',
      }),
    ).toEqual(["cycle: trainer/a.ts → trainer/b.ts → trainer/c.ts → trainer/a.ts"]);
    expect(check({ "assembly/a.ts": 'import "./b";', "assembly/b.ts": 'import "./a";' })).toEqual([
      "cycle: assembly/a.ts → assembly/b.ts → assembly/a.ts",
    ]);
  });

  test("types make a cycle too", () => {
    const b = 'import type {\n  A,\n} from "./a.ts";\n';
    const cycle = ["cycle: format/a.ts → format/b.ts → format/a.ts"];
    expect(check({ "format/a.ts": 'import "./b.ts";', "format/b.ts": b })).toEqual(cycle);
    expect(check({ "format/a.ts": 'import "./b.ts";', "format/b.ts": 'export type { B } from "./a.ts";' })).toEqual(
      cycle,
    );
    expect(check({ "format/a.ts": 'import "./b.ts";', "format/b.ts": 'type A = import("./a.ts").A;' })).toEqual(cycle);
  });

  test("two ways to one file are no cycle", () => {
    expect(
      check({
        "format/a.ts": 'import "./b.ts"; import "./c.ts";',
        "format/b.ts": 'import "./c.ts";',
        "format/c.ts": "",
      }),
    ).toEqual([]);
  });
});
