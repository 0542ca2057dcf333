import { execFileSync } from "node:child_process";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { UserError } from "../../../trainer/errors.ts";
import { readWhole, WholeFiles, writeNew, writeSecret, writeWhole } from "../../../trainer/io/files.ts";
import { systemFault } from "../../../trainer/io/system-fault.ts";
import { TemporaryFolder } from "../../../trainer/io/temporary.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-io-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The error that `write` throws. */
function thrownBy(write: () => void): unknown {
  try {
    write();
  } catch (error) {
    return error;
  }
  throw new Error("expected an error");
}

it("a device, which may have no end, is not read", () => {
  for (const path of ["/dev/zero", "/dev/null"])
    expect(() => readWhole(path)).toThrow(`${path}: got a device, expected a file or a pipe`);
});

describe("what the system refuses is for the user to mend", () => {
  it("a file in the place of a folder", () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    const error = thrownBy(() => writeWhole(join(file, "inner.json"), "x"));
    expect(error).toBeInstanceOf(UserError);
    expect(error).toMatchObject({
      message: expect.stringMatching(/inner\.json: not written: E.*file is a file, where a folder is needed/),
      cause: expect.any(Error),
    });
  });

  it("a folder in the place of a file, and nothing is left beside it", () => {
    const path = join(folder, "whole");
    writeWhole(join(path, "inner.json"), "x");
    expect(thrownBy(() => writeWhole(path, "y"))).toBeInstanceOf(UserError);
    expect(readFileSync(join(path, "inner.json"), "utf8")).toBe("x");
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  it.skipIf(process.platform === "win32")("a pipe in the place of a file, also behind a link", () => {
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    symlinkSync("pipe", join(folder, "to-pipe"));
    for (const path of [pipe, join(folder, "to-pipe")])
      expect(() => writeWhole(path, "x")).toThrow(`${realpathSync(pipe)}: not written: got a pipe, expected the name`);
    expect(() => writeWhole("/dev/null", "x")).toThrow("/dev/null: not written: got a device");
    expect(statSync(pipe).isFIFO()).toBe(true);
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  it("a secret that is there already", () => {
    const path = join(folder, "key.pem");
    writeSecret(path, "first");
    expect(thrownBy(() => writeSecret(path, "second"))).toBeInstanceOf(UserError);
    expect(readFileSync(path, "utf8")).toBe("first");
  });
});

it("a new file takes no other's place, and leaves nothing beside it", () => {
  const path = join(folder, "made", "new");
  expect([writeNew(path, "first"), writeNew(path, "second")]).toEqual([true, false]);
  expect(readFileSync(path, "utf8")).toBe("first");
  expect(readdirSync(join(folder, "made"))).toEqual(["new"]);
});

it("the file that a link leads to is written, and the link stays", () => {
  const [target, link] = [join(folder, "target"), join(folder, "link")];
  writeFileSync(target, "old");
  symlinkSync("target", link);
  writeWhole(link, "new");
  expect([readFileSync(target, "utf8"), readlinkSync(link)]).toEqual(["new", "target"]);
});

it("any other error stays as it is", () => {
  const defect = new TypeError("x is not a function");
  expect(systemFault("file", defect)).toBe(defect);
});

it("writing many files for longer than others wait for a sign of life does not look like a process that has ended", () => {
  using own = new TemporaryFolder(folder, "log");
  const clock = vi.spyOn(performance, "now");
  onTestFinished(() => clock.mockRestore());
  let now = performance.now();
  clock.mockImplementation(() => now);
  using files = new WholeFiles();
  const written = join(folder, "many");
  for (let i = 0; i < 3; i++) {
    // As if the file before had taken a minute to get to the disk, while no timer fires.
    const long = new Date(Date.now() - 61_000);
    utimesSync(join(own.path, "heartbeat"), long, long);
    utimesSync(own.path, long, long);
    now += 61_000;
    files.write(join(written, String(i)), "x");
    new TemporaryFolder(folder, "other")[Symbol.dispose]();
    expect(own.intact).toBe(true);
  }
  files.finish();
  expect(readdirSync(written).sort()).toEqual(["0", "1", "2"]);
});
