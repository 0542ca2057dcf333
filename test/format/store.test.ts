import { describe, expect, test } from "vitest";
import { blobKey, pageKey, pointerKey, readPointer, writePointer } from "../../format/store.ts";

const version = "ab".repeat(32);

describe("the pointer", () => {
  test("names a model and its version", () => {
    const text = writePointer({ model: "ads", version });
    expect(text).toBe(`{"model":"ads","version":"${version}"}`);
    expect(readPointer(text)).toEqual({ model: "ads", version });
  });

  test("of earlier publishers has the version alone", () => {
    expect(readPointer(`{"model": "${version}"}`)).toEqual({ model: null, version });
  });

  test("may have a name that looks like a version", () => {
    expect(readPointer(writePointer({ model: version, version }))).toEqual({ model: version, version });
  });

  test.each([
    ["{", "pointer: not JSON"],
    ["[]", "pointer: model: missing"],
    ["null", "pointer: got null, expected Object"],
    ["{}", "pointer: model: missing"],
    ['{"model": "latest"}', 'pointer: model: got "latest", expected 64 lower-case hex digits'],
    [`{"model": "${version.toUpperCase()}"}`, "pointer: model: got "],
    [`{"model": "${version}", "weight": 1}`, "pointer: weight: unknown key"],
    [`{"version": "${version}"}`, "pointer: model: missing"],
    [`{"model": "Ads!", "version": "${version}"}`, 'pointer: model: got "Ads!", expected a-z'],
    ['{"model": "ads", "version": "1"}', 'pointer: version: got "1", expected 64 lower-case hex digits'],
    [`{"model": "ads", "version": "${version}", "weight": 1}`, "pointer: weight: unknown key"],
  ])("is not %s", (text, problem) => {
    expect(() => readPointer(text)).toThrow(problem);
  });

  test("is not written without a version", () => {
    expect(() => writePointer({ model: "ads", version: "latest" })).toThrow("pointer: version: got");
  });
});

test("no key of the store is a number, which Workers KV would drop from a bulk get", () => {
  const keys = [pointerKey(), blobKey("1".repeat(64)), pageKey(new Uint8Array(16))];
  expect(keys).toEqual(["model", `blob/${"1".repeat(64)}`, `page/${"0".repeat(32)}`]);
});
