// What the system refuses to write is one line that names the path and says what to do, and leaves nothing.
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it, onTestFinished } from "vitest";
import { FormatError } from "../../../format/errors.ts";
import { DuckDb } from "../../../trainer/data/duckdb.ts";
import { damageOf } from "../../../trainer/data/lines.ts";
import { UserError } from "../../../trainer/errors.ts";
import { writeWhole } from "../../../trainer/io/files.ts";
import { readFault, systemFault, toldFault } from "../../../trainer/io/system-fault.ts";
import { temporaryPath } from "../../../trainer/io/temporary.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-full-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("a file that is written", () => {
  it.each([
    [
      "ENOSPC: no space left on device, write",
      /^x: not written: ENOSPC: no space left on device; the disk is full: free/,
    ],
    [
      "EROFS: read-only file system, open 'x'",
      /^x: not written: EROFS: read-only file system; the disk can only be read/,
    ],
    ["EACCES: permission denied, open 'x'", /^x: not written: EACCES: permission denied; allow it/],
    ["EMFILE: too many open files, open 'x'", /^x: not written: EMFILE: too many open files; .*ulimit -n/],
    [
      "EISDIR: illegal operation on a directory, rename 'y' -> 'x'",
      /^x: not written: EISDIR: .*a folder has this name/,
    ],
  ])("names the path and what to do: %s", (message, expected) => {
    const [code = "", , syscall = ""] = /^(\w+): (.*), (\w+)/.exec(message)?.slice(1) ?? [];
    const fault = systemFault("x", Object.assign(new Error(message), { code, syscall }));
    expect(fault).toBeInstanceOf(UserError);
    expect((fault as Error).message).toMatch(expected);
  });

  it.each([
    ["ENOENT", "absent.csv", /^absent\.csv: no such file$/],
    ["ENOTDIR", "package.json/x.csv", /^package\.json\/x\.csv: no such file; package\.json is a file, where a folder/],
    ["EISDIR", "trainer", /^trainer: got a folder, expected a file$/],
    ["EACCES", "x.csv", /^x\.csv: EACCES: permission denied; allow it \(chmod, chown\)/],
    ["EMFILE", "x.csv", /^x\.csv: EMFILE: permission denied; .*ulimit -n/],
  ])("that cannot be read is told in one way: %s", (code, path, expected) => {
    const message = `${code}: permission denied, open '${path}'`;
    const fault = readFault(path, Object.assign(new Error(message), { code, syscall: "open" }));
    expect(fault).toBeInstanceOf(FormatError);
    expect((fault as Error).message).toMatch(expected);
    expect(damageOf(path, Object.assign(new Error(message), { code, syscall: "open" }))).toEqual(fault);
  });

  it("is told of in other programs' words: those of the system, and of SQLite", () => {
    const full = /^x: not written: ENOSPC: .* is full; the disk is full: free some room/;
    expect(toldFault("x", "database or disk is full: SQLITE_FULL")?.message).toMatch(full);
    expect(toldFault("x", "cp: error writing 'x': No space left on device")?.message).toMatch(
      /^x: not written: ENOSPC: /,
    );
    expect(toldFault("x", "it did not work")).toBe(null);
  });

  it("keeps what was there before, and leaves nothing beside it", () => {
    const path = join(folder, "kept", "model.bin");
    writeWhole(path, "before");
    const text = `import { writeWhole } from "${pathToFileURL("trainer/io/files.ts").href}";
      try { writeWhole(${JSON.stringify(path)}, new Uint8Array(2 ** 20)); } catch (e) { console.log(e.name, e.message); }`;
    writeFileSync(join(folder, "write.mjs"), text);
    const command = `trap '' XFSZ; ulimit -f 100; exec '${process.execPath}' '${join(folder, "write.mjs")}'`;
    const said = execFileSync("bash", ["-c", command], { encoding: "utf8" });
    expect(said).toMatch(/^UserError .*model\.bin: not written: EFBIG: file too large; .*ulimit -f/);
    expect(readFileSync(path, "utf8")).toBe("before");
    expect(readdirSync(join(folder, "kept"))).toEqual(["model.bin"]);
  });

  it("comes in parts, and fails as a whole where one of them does", () => {
    const path = join(folder, "parts.bin");
    writeWhole(path, [Uint8Array.of(1, 2), Uint8Array.of(3)]);
    expect([...readFileSync(path)]).toEqual([1, 2, 3]);
    function* broken(): Generator<Uint8Array> {
      yield Uint8Array.of(9);
      throw new TypeError("a defect");
    }
    expect(() => writeWhole(path, broken())).toThrow(new TypeError("a defect"));
    expect([...readFileSync(path)]).toEqual([1, 2, 3]);
    expect(readdirSync(folder).filter((name) => name.startsWith("parts"))).toEqual(["parts.bin"]);
  });

  it("finds what a killed process left of it long ago removed, and nothing else", () => {
    const path = join(folder, "remains", "a.json");
    mkdirSync(join(folder, "remains"));
    const [old, young, own] = [temporaryPath(path), temporaryPath(path), join(folder, "remains", "a.json.1234.tmp")];
    for (const one of [old, young, own]) writeFileSync(one, "");
    for (const one of [old, own]) execFileSync("touch", ["-d", "2 hours ago", one]);
    writeWhole(path, "{}");
    const left = readdirSync(join(folder, "remains")).map((name) => join(folder, "remains", name));
    expect(left.sort()).toEqual([path, young, own].sort());
  });
});

/** Takes some 70 MB. */
const BIG = "CREATE TABLE t AS SELECT range a, hash(range) b, hash(range + 1) c FROM range(3_000_000)";

describe("DuckDB", () => {
  it("that cannot write a file names it", async () => {
    await using duckdb = await DuckDb.open(join(folder, "copy"), ["/dev/full"]);
    const copy = duckdb.run(`COPY (SELECT range FROM range(1_000_000)) TO '/dev/full' (FORMAT csv)`);
    await expect(copy).rejects.toThrow("/dev/full: not written: ENOSPC: no space left on device; the disk is full");
  });

  it("spills to a folder of its own, which goes with it", async () => {
    const parent = join(folder, "own");
    {
      await using one = await DuckDb.open(parent, [], 20);
      await using two = await DuckDb.open(parent, [], 20);
      expect(readdirSync(parent)).toHaveLength(2);
      for (const duckdb of [one, two]) await duckdb.run(BIG);
    }
    expect(readdirSync(parent)).toEqual([]);
  });
});

// A disk of four megabytes, where the tests may mount one.
const disk = join(folder, "disk");
mkdirSync(disk);
const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", disk]).status === 0;
afterAll(() => {
  if (mounted) execFileSync("umount", [disk]);
});

describe.skipIf(!mounted)("a disk of 4 MiB", () => {
  it("that is full keeps the file before, and no half of the new one", () => {
    const path = join(disk, "model.bin");
    writeWhole(path, new Uint8Array(2 ** 20));
    const larger = (): void => writeWhole(path, new Uint8Array(2 ** 22));
    expect(larger).toThrow(`${path}: not written: ENOSPC: no space left on device; the disk is full: free some room`);
    expect(readFileSync(path).length).toBe(2 ** 20);
    expect(readdirSync(disk).filter((name) => name.startsWith("model"))).toEqual(["model.bin"]);
  });

  it("has no room to spill", async () => {
    const parent = join(disk, "spill");
    await using duckdb = await DuckDb.open(parent, [], 20);
    await expect(duckdb.run(BIG)).rejects.toThrow(
      `${parent}: not written: ENOSPC: no space left on device; the disk is full`,
    );
  });

  it("that is read-only says so", () => {
    execFileSync("mount", ["-o", "remount,ro", disk]);
    onTestFinished(() => void execFileSync("mount", ["-o", "remount,rw", disk]));
    const path = join(disk, "sub", "new.json");
    expect(() => writeWhole(path, "{}")).toThrow(
      `${path}: not written: EROFS: read-only file system; the disk can only`,
    );
  });
});

const isRoot = process.getuid?.() === 0;
it.skipIf(isRoot)("a folder without permission says so", () => {
  const closed = join(folder, "closed");
  mkdirSync(closed);
  chmodSync(closed, 0o500);
  expect(() => writeWhole(join(closed, "x.json"), "{}")).toThrow(/x\.json: not written: EACCES: .*; allow it/);
});
