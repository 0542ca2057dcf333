import { tmpdir } from "node:os";
import { expect, it } from "vitest";
import { checkGpu, checkMachine, checkRoom } from "../../../trainer/native/machine.ts";

it("a machine that TensorFlow's wheels do not run on is refused, with what is missing", () => {
  const good = { platform: "linux", arch: "x64", glibc: "2.36", features: ["sse4_2", "avx"] };
  expect(() => checkMachine(good)).not.toThrow();
  const wrong =
    (part: object): (() => void) =>
    () =>
      checkMachine({ ...good, ...part });
  expect(wrong({ arch: "arm64" })).toThrow("got linux arm64, expected linux x64: the native backend is not built yet");
  expect(wrong({ platform: "darwin", glibc: null })).toThrow("got darwin x64, expected linux x64");
  expect(wrong({ platform: "win32" })).toThrow("not built yet");
  expect(wrong({ glibc: null })).toThrow("got a system without glibc, such as Alpine's musl");
  expect(wrong({ glibc: "2.9" })).toThrow("got glibc 2.9, expected at least 2.17");
  expect(wrong({ features: ["sse4_2"] })).toThrow("got a processor without AVX");
});

it("a GPU or a driver that CUDA 12.5 does not run with is refused, with what to do", () => {
  const gpu = { name: "H200", driver: "580.159", capability: 9 };
  expect(() => checkGpu(gpu)).not.toThrow();
  expect(() => checkGpu({ ...gpu, capability: null })).not.toThrow();
  expect(() => checkGpu({ name: "T4", driver: "525.60.13", capability: 7.5 })).not.toThrow();
  expect(() => checkGpu(null)).toThrow("got no driver of NVIDIA's, expected one: install it, or leave out --gpu");
  expect(() => checkGpu({ ...gpu, driver: "470.256.02" })).toThrow("driver 470.256.02, expected at least 525.60.13");
  expect(() => checkGpu({ ...gpu, driver: "535.54.03" })).toThrow("driver 535.54.03, expected at least 555.42.02");
  expect(() => checkGpu({ ...gpu, capability: 12 })).toThrow("compute capability 12, expected 6.x to 9.x");
  expect(() => checkGpu({ ...gpu, capability: 5.2 })).toThrow("compute capability 5.2, expected 6.x to 9.x");
});

it("a disk without room is refused before anything is fetched", () => {
  expect(() => checkRoom(`${tmpdir()}/not/made/yet`, 1)).not.toThrow();
  expect(() => checkRoom(tmpdir(), 1e18)).toThrow(
    /got [\d.]+ [MG]B of free disk, expected 1000000000\.0 GB: free some/,
  );
});
