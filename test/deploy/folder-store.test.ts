import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import { FolderStore } from "../../deploy/kv/folder-store.ts";
import { Pruning } from "../../deploy/prune.ts";
import { Publication } from "../../deploy/publication.ts";
import { verifyVersion } from "../../deploy/verify.ts";
import { manifestKey, packedPagesKey, pageKey, pointerKey } from "../../format/store.ts";
import { pageContents, pagedModel } from "../../testing/format/paged-model.ts";

it("pages are packed before a manifest promises them, and a missing one is named", async () => {
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-folder-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = (key: string): string => join(folder, key);
  const store = new FolderStore(folder, true);
  const [first, second] = [await pagedModel("first", pageContents(200)), await pagedModel("second", pageContents(201))];
  await new Publication(store).run(first);
  const serving = readFileSync(file(pointerKey("tiny")));

  // The sample that is read back, the first hundred pages, does not have it.
  const lost = file(pageKey(second.pages[150].digest));
  rmSync(lost);
  let drawn = 0;
  const random = (): number => ((drawn++ % 100) + 0.5) / 201;
  await expect(new Publication(store, { random }).run(second)).rejects.toThrow(
    `${lost}: got no file, expected a page; \`publish --repair\` of the export writes it again`,
  );
  expect(existsSync(file(manifestKey(second.version)))).toBe(false);
  expect(existsSync(file(packedPagesKey(second.version)))).toBe(false);
  expect(readFileSync(file(pointerKey("tiny")))).toEqual(serving);

  await new Publication(store, { random, repair: true }).run(second);
  expect(readFileSync(file(packedPagesKey(second.version)))).toHaveLength(201 * "page 200".length);
  expect(existsSync(file(manifestKey(second.version)))).toBe(true);
});

it("files that a killed process or the system has left in the folder are no keys", async () => {
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-folder-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const store = new FolderStore(folder, true);
  await store.putTexts([{ key: "models/tiny", value: "{}" }]);
  for (const name of [".DS_Store", "._tiny", "Thumbs.db", `tiny.deepfm-edge-${"0".repeat(16)}.tmp`])
    writeFileSync(join(folder, "models", name), "x");
  expect(await store.keys("models/")).toEqual(new Set(["models/tiny"]));
  // Under such a name, a model would be published that nobody finds again.
  await expect(store.putTexts([{ key: "versions/desktop.ini", value: "[]" }])).rejects.toThrow(
    `${join(folder, "versions", "desktop.ini")}: got a name that files of systems have`,
  );
  // And this one would also be found as a model "ads", or not at all: nothing is uploaded of it.
  const model = await pagedModel("first", pageContents(2));
  await expect(new Publication(store).run(model, { model: "ads.html" })).rejects.toThrow(
    `${join(folder, "versions", "ads.html")}: got a name that pages of sites have, expected another model's name`,
  );
  for (const prefix of ["uploading/", "page/", "blob/"]) expect(await store.keys(prefix)).toEqual(new Set());
  expect(() => store.checkKeys(["models/ads.htm"])).toThrow("got a name that pages of sites have");
});

it("links to files are the values that they lead to: what serves by one is not pruned", async () => {
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-folder-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const store = new FolderStore(folder, false);
  const first = await pagedModel("first", pageContents(2));
  await new Publication(store).run(first);
  // As tools lay out what they keep elsewhere.
  renameSync(join(folder, "models"), join(folder, "kept"));
  renameSync(join(folder, "versions", "tiny"), join(folder, "history"));
  mkdirSync(join(folder, "models"));
  symlinkSync("../kept/tiny", join(folder, "models", "tiny"));
  symlinkSync("../history", join(folder, "versions", "tiny"));
  symlinkSync("nothing", join(folder, "models", "lost"));
  expect(await store.keys("models/")).toEqual(new Set(["models/tiny"]));
  const second = await pagedModel("second", pageContents(2, 1));
  await new Publication(store).run(second);
  const pruning = new Pruning(store, { model: null, keep: 1, days: 0 }, () => Date.now() + 86_400_000);
  expect(await pruning.remove(await pruning.plan())).toMatchObject({ versions: [] });
  expect((await verifyVersion(store, "tiny", null)).faults).toEqual([]);
});

it("what cannot be read is not absent", async () => {
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-folder-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const store = new FolderStore(folder, false);
  expect(await store.keys("models/")).toEqual(new Set());
  expect(await store.texts(["models/tiny"])).toEqual(new Map([["models/tiny", null]]));
  symlinkSync("models", join(folder, "models")); // a link to itself, which root may not read either
  await expect(store.keys("models/")).rejects.toThrow(`${join(folder, "models")}: ELOOP: `);
  await expect(store.texts(["models/tiny"])).rejects.toThrow(`${join(folder, "models", "tiny")}: ELOOP: `);
  rmSync(join(folder, "models"));
  writeFileSync(join(folder, "models"), "");
  await expect(store.keys("models/")).rejects.toThrow(
    `${join(folder, "models")}: got a file, expected a folder of published values`,
  );
  await expect(store.bytes("models/tiny")).rejects.toThrow(`${join(folder, "models")} is a file, where a folder`);
});

it("a page that the system refuses to write to its end leaves no half", () => {
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-folder-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const script = join(folder, "write.mjs");
  const value = `"${"A".repeat(16_384)}"`; // 12 KiB in base64
  writeFileSync(
    script,
    `import { FolderStore } from "${pathToFileURL("deploy/kv/folder-store.ts").href}";
    const store = new FolderStore(${JSON.stringify(join(folder, "store"))}, false);
    const pages = [{ key: "page/a", value: "AAAA" }, { key: "page/b", value: ${value} }];
    await store.putTexts(pages).catch((error) => console.log(error.name, error.message));`,
  );
  const command = `trap '' XFSZ; ulimit -f 4; exec '${process.execPath}' '${script}'`;
  const said = execFileSync("bash", ["-c", command], { encoding: "utf8" });
  expect(said).toMatch(/^UserError .*page.b: not written: EFBIG: file too large/);
  expect(readdirSync(join(folder, "store", "page"))).toEqual(["a"]);
});

it("a page that a killed process was writing has no name, and what is left of it goes later", async () => {
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-folder-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const script = join(folder, "write.mjs");
  writeFileSync(
    script,
    `import fs from "node:fs";
    import { syncBuiltinESMExports } from "node:module";
    const write = fs.writeFileSync;
    fs.writeFileSync = (path, bytes) => {
      write(path, bytes.subarray(0, bytes.length / 2));
      process.kill(process.pid, "SIGKILL");
    };
    syncBuiltinESMExports();
    const { FolderStore } = await import("${pathToFileURL("deploy/kv/folder-store.ts").href}");
    const store = new FolderStore(${JSON.stringify(join(folder, "store"))}, false);
    await store.putTexts([{ key: "page/a", value: "AAAAAAAA" }]);`,
  );
  expect(spawnSync(process.execPath, [script]).signal).toBe("SIGKILL");
  const pages = join(folder, "store", "page");
  const [left = "", ...others] = readdirSync(pages);
  expect([left.startsWith("a.deepfm-edge-"), others]).toEqual([true, []]);
  const store = new FolderStore(join(folder, "store"), false);
  expect(await store.texts(["page/a"])).toEqual(new Map([["page/a", null]]));
  utimesSync(join(pages, left), 0, 0);
  await store.putTexts([{ key: "page/b", value: "AAAA" }]);
  expect(readdirSync(pages)).toEqual(["b"]);
});

it("what verify says of the file of all pages is true of every page's place", async () => {
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-folder-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const store = new FolderStore(folder, true);
  const faults = async (): Promise<string[]> => (await verifyVersion(store, "tiny", null)).faults;
  const model = await pagedModel("first", pageContents(200));
  await new Publication(store).run(model);
  expect(await faults()).toEqual([]);

  const key = packedPagesKey(model.version);
  const packed = join(folder, key);
  const whole = readFileSync(packed);
  const placeBytes = whole.length / 200;
  // The last byte of page 5's place is one of those that fill it up.
  for (const [at, page] of [
    [0, 0],
    [6 * placeBytes - 1, 5],
    [199 * placeBytes, 199],
  ] as const) {
    const damaged = Buffer.from(whole);
    damaged.writeUInt8(damaged.readUInt8(at) ^ 1, at);
    writeFileSync(packed, damaged);
    expect(await faults()).toEqual([
      `${key}: got other bytes for page ${page}, expected those of ${pageKey(model.pages[page].digest)}`,
    ]);
  }
  truncateSync(packed, whole.length - 1);
  expect(await faults()).toEqual([`${key}: got ${whole.length - 1} bytes, expected 200 places of one size`]);
  truncateSync(packed, 0);
  expect(await faults()).toHaveLength(200);
  await new Publication(store, { repair: true }).run(model);
  expect(await faults()).toEqual([]);
  expect(readFileSync(packed)).toEqual(whole);
});

it("the file of all pages is missing where verify is told of R2, or the folder has that of another version", async () => {
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-folder-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [single, packed] = [new FolderStore(folder, false), new FolderStore(folder, true)];
  const faultsOf = async (store: FolderStore): Promise<string[]> => (await verifyVersion(store, "tiny", null)).faults;
  const [first, second] = [await pagedModel("first", pageContents(3)), await pagedModel("second", pageContents(4))];
  await new Publication(single).run(first);
  expect(await faultsOf(single)).toEqual([]);
  expect(await faultsOf(packed)).toEqual([`${packedPagesKey(first.version)}: missing`]);

  await new Publication(packed).run(first);
  expect(await faultsOf(packed)).toEqual([]);
  rmSync(join(folder, packedPagesKey(first.version)));
  writeFileSync(join(folder, packedPagesKey(second.version)), "");
  expect(await faultsOf(single)).toEqual([`${packedPagesKey(first.version)}: missing`]);
  expect(await packed.packedFaults("0".repeat(64), new Uint8Array(0))).toEqual([]); // no pages, and no file of them
});

it("a folder that has a file of all pages gets that of every version, whether its publisher asks for it or not", async () => {
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-folder-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [single, packed] = [new FolderStore(folder, false), new FolderStore(folder, true)];
  const [first, second] = [await pagedModel("first", pageContents(3)), await pagedModel("second", pageContents(4))];
  await new Publication(single).run(first);
  expect(existsSync(join(folder, packedPagesKey(first.version)))).toBe(false);
  await new Publication(packed).run(second);
  await new Publication(single, { repair: true }).run(first);
  for (const version of [first.version, second.version])
    expect((await verifyVersion(single, "tiny", version)).faults).toEqual([]);
});
