import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { UserError } from "../../../trainer/errors.ts";
import { FolderInUse, FolderLock } from "../../../trainer/io/folder-lock.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-lock-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs a module's text in another process. */
function inProcess(text: string) {
  const url = pathToFileURL("trainer/io/folder-lock.ts").href;
  const child = spawn(
    process.execPath,
    ["--input-type=module", "-e", `import { FolderLock } from "${url}";\n${text}`],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  return child;
}

/** A process that holds the lock of a folder until it is killed. */
async function holder(path: string) {
  const child = inProcess(
    `new FolderLock(${JSON.stringify(path)}); console.log("locked"); setInterval(() => {}, 1000);`,
  );
  await once(child.stdout, "data");
  return child;
}

describe("a folder", () => {
  it("is for one at a time, in one process and in several", async () => {
    const path = join(folder, "one");
    {
      using _lock = new FolderLock(path);
      expect(() => new FolderLock(path)).toThrow(UserError);
      const other = inProcess(`try { new FolderLock(${JSON.stringify(path)}); } catch (e) { console.log(e.message); }`);
      const [said] = await once(other.stdout, "data");
      expect(String(said)).toContain(`${path}: got a folder that another process is writing into`);
      await once(other, "close");
    }
    using _again = new FolderLock(path);
  });

  it("is free as soon as whoever held it is killed, and what was unfinished in it is gone", async () => {
    const path = join(folder, "killed");
    const child = await holder(path);
    expect(() => new FolderLock(path)).toThrow(/another process is writing/);
    writeFileSync(join(path, `model.safetensors.deepfm-edge-${"0".repeat(16)}.tmp`), "half");
    writeFileSync(join(path, "notes.tmp"), "somebody's own");
    child.kill("SIGKILL");
    await once(child, "close");
    using _lock = new FolderLock(path);
    expect(readdirSync(path).sort()).toEqual([".lock", "notes.tmp"]);
  });

  it("is waited for with patience", async () => {
    const path = join(folder, "patience");
    const text = `const lock = new FolderLock(${JSON.stringify(path)}); console.log("locked");
      setTimeout(() => lock[Symbol.dispose](), 300);`;
    const child = inProcess(text);
    await once(child.stdout, "data");
    using _lock = new FolderLock(path, 30_000);
    await once(child, "close");
  });

  it("is waited for without standing still, of which is told once", async () => {
    const path = join(folder, "waited-for");
    const held = new FolderLock(path);
    let told = 0;
    const waiting = FolderLock.waitFor(path, 30_000, () => told++);
    await expect(FolderLock.waitFor(path, 0, () => {})).rejects.toThrow(FolderInUse);
    await setTimeout(250);
    held[Symbol.dispose]();
    using _lock = await waiting;
    expect(told).toBe(1);
    const file = join(folder, "no-folder");
    writeFileSync(file, "");
    await expect(FolderLock.waitFor(file, 30_000, () => {})).rejects.toThrow(/no-folder: not written: EEXIST/);
  });

  it("that was made for the lock goes where nothing was written, and stays otherwise", () => {
    const path = join(folder, "made", "deep");
    new FolderLock(path)[Symbol.dispose]();
    expect(existsSync(join(folder, "made"))).toBe(false);
    const lock = new FolderLock(path);
    writeFileSync(join(path, "kept"), "");
    lock[Symbol.dispose]();
    expect(readdirSync(path)).toEqual(["kept"]);
  });

  it("that is a file, or has another program's lock, is refused by name", () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    expect(() => new FolderLock(file)).toThrow(/file: not written: EEXIST/);
    expect(() => new FolderLock(join(file, "inner"))).toThrow(/inner: not written: E.*file is a file, where/);
    const other = join(folder, "other");
    mkdirSync(other);
    writeFileSync(join(other, ".lock"), "x".repeat(2000));
    expect(() => new FolderLock(other)).toThrow(/\.lock: got another program's file, expected none/);
  });
});
