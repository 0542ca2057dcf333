import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { unpackTgz, unpackZip } from "../../../trainer/native/unpack.ts";
import { zipOf } from "./zip.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-unpack-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

describe("a wheel", () => {
  const large = Buffer.concat([randomBytes(2 ** 20), Buffer.alloc(2 ** 20, "text ")]);
  const members = { "a/lib/one.so": large, "a/lib/two.raw": "stored", "a/empty": "", "a/other": "x", "b/LICENSE": "l" };
  writeFileSync(at("wheel.whl"), zipOf(members));
  const take = { members: /one\.so$|two\.raw$|empty$|LICENSE$/, strip: "a/" };

  it("gives the members that are asked for, to the byte", async () => {
    let bytes = 0;
    const count = await unpackZip(at("wheel.whl"), at("out"), take, (more) => {
      bytes += more;
    });
    expect(count).toBe(4);
    expect(globSync("**/*", { cwd: at("out") }).toSorted()).toEqual([
      "LICENSE",
      "empty",
      "lib",
      "lib/one.so",
      "lib/two.raw",
    ]);
    expect(readFileSync(at("out/lib/one.so")).equals(large)).toBe(true);
    expect(readFileSync(at("out/lib/two.raw"), "utf8")).toBe("stored");
    expect(bytes).toBe(large.length + "stored".length + "l".length);
  });

  it("is refused where it is cut short, or no ZIP file", async () => {
    const whole = readFileSync(at("wheel.whl"));
    writeFileSync(at("half.whl"), whole.subarray(0, whole.length / 2));
    const unpack = unpackZip(at("half.whl"), at("half"), take, () => {});
    await expect(unpack).rejects.toThrow("half.whl: got no end of a central directory, expected a ZIP file");
    whole.writeUInt32LE(large.length + 1, whole.indexOf("PK\x01\x02") + 24);
    writeFileSync(at("lies.whl"), whole);
    const lies = unpackZip(at("lies.whl"), at("lies"), take, () => {});
    await expect(lies).rejects.toThrow(`a/lib/one.so: got ${large.length} bytes, expected ${large.length + 1}`);
  });
});

it("npm's archive gives the members that are asked for, to the byte", () => {
  const long = `${"folder/".repeat(17)}deep.js`;
  mkdirSync(at(`package/${"folder/".repeat(17)}`), { recursive: true });
  writeFileSync(at("package/package.json"), "{}");
  writeFileSync(at(`package/${long}`), "exports.a = 1;".repeat(100));
  execFileSync("tar", ["--format=ustar", "-czf", at("piece.tgz"), "-C", folder, "package"]);
  const count = unpackTgz(at("piece.tgz"), at("npm"), { members: /\.js$/, strip: "package/" });
  expect(count).toBe(1);
  expect(readFileSync(at(`npm/${long}`), "utf8")).toBe("exports.a = 1;".repeat(100));
});
