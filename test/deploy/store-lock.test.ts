import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { expect, it, onTestFinished, vi } from "vitest";
import { openStore, type StoreTarget } from "../../deploy/kv/open-store.ts";
import { lockStore } from "../../deploy/kv/store-lock.ts";
import { publish } from "../../deploy/publish.ts";
import { ModelRegistry } from "../../deploy/registry.ts";
import { pageContents, pagedModel } from "../../testing/format/paged-model.ts";
import { FolderInUse, FolderLock } from "../../trainer/io/folder-lock.ts";
import { runHere } from "../cli/command-here.ts";
import { saveGoldenExport } from "./golden-export.ts";

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-store-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

it("of publications at the same time, the history has each, and each pointer the one before", async () => {
  const folder = join(newFolder(), "published");
  const models = await Promise.all([0, 1, 2, 3].map((i) => pagedModel(`at once ${i}`, pageContents(10, 5 * i))));
  await Promise.all(models.map((model) => publish(model, { folder })));
  await using store = await openStore({ folder });
  const registry = new ModelRegistry(store);
  const history = await registry.history("tiny");
  expect(new Set(history.map(({ version }) => version))).toEqual(new Set(models.map(({ version }) => version)));
  const { version, previous } = (await registry.pointer("tiny")) ?? {};
  expect([version, previous]).toEqual(history.slice(0, 2).map((publication) => publication.version));
  expect(readdirSync(folder)).not.toContain(".lock");
});

it("whatever changes a store waits until nobody else does, and what only reads it does not", async () => {
  const folder = newFolder();
  const { version } = await saveGoldenExport(join(folder, "tiny"), "tiny");
  await saveGoldenExport(join(folder, "pnn"), "pnn");
  writeFileSync(
    join(folder, "arms.json"),
    JSON.stringify([
      { arm: "origin", model: null },
      { arm: "a", model: "ads" },
    ]),
  );
  const published = join(folder, "published");
  const reading = [["models"], ["verify", "tiny"], ["prune"], ["experiment", "show"]];
  const create = ["experiment", "create", "ranker", "--list", "home", "--arms", "arms.json", "--unit", "uid"];
  const changing = [["publish", "tiny"], ["publish", "pnn", "--no-switch"], ["pin", "tiny", version], create];
  changing.push(["pin", "tiny", "--off"], ["experiment", "start", "ranker", "--coverage", "0.1"]);
  changing.push(["experiment", "ramp", "ranker", "--coverage", "0.2"], ["experiment", "stop", "ranker"]);
  changing.push(["prune", "--keep", "0", "--days", "0", "--yes"]);
  const { waitFor } = FolderLock;
  for (const command of changing) {
    const held = new FolderLock(published);
    const told = Promise.withResolvers<void>();
    using _waiting = vi.spyOn(FolderLock, "waitFor").mockImplementation((folder, most, tell) =>
      waitFor.call(FolderLock, folder, most, () => {
        tell();
        told.resolve();
      }),
    );
    let isDone = false;
    const done = runHere(folder, [...command, "--folder", "published"]).then((result) => {
      isDone = true;
      return result;
    });
    await Promise.race([told.promise, done]);
    await wait(150);
    expect(isDone, command.join(" ")).toBe(false);
    held[Symbol.dispose]();
    const { code, stderr } = await done;
    expect(stderr).toContain("published: another process is writing there, which is waited for");
    expect(code, stderr).toBe(0);
  }
  using _held = new FolderLock(published);
  for (const command of reading) expect((await runHere(folder, [...command, "--folder", "published"])).code).toBe(0);
});

it("a store that another process has is refused in the end; an account's is not locked", async () => {
  const folder = newFolder();
  const config = join(folder, "wrangler.toml");
  writeFileSync(config, 'name = "shop"\n[[kv_namespaces]]\nbinding = "MODELS"\n');
  const state = join(folder, ".wrangler", "state");
  for (const [target, locked] of [
    [{ remote: false, config }, state],
    [{ remote: false, config, persistTo: join(folder, "kv") }, join(folder, "kv")],
    [{ folder: join(folder, "store") }, join(folder, "store")],
  ] as [StoreTarget, string][]) {
    {
      using _lock = await lockStore(target);
      await expect(lockStore(target, 10)).rejects.toThrow(
        `${locked}: got a folder that another process is writing into (it has locked ${join(locked, ".lock")})`,
      );
      expect(() => new FolderLock(locked)).toThrow(FolderInUse);
    }
    expect(readdirSync(folder)).toEqual(["wrangler.toml"]);
  }
  using _first = await lockStore({ remote: true });
  using _second = await lockStore({ remote: true }, 0);
});

it("a store that cannot be is no folder that was made for its lock", async () => {
  const folder = newFolder();
  const [config, persistTo] = [join(folder, "wrangler.toml"), join(folder, "kv")];
  await expect(lockStore({ remote: false, config, persistTo })).rejects.toThrow(config);
  expect(readdirSync(folder)).toEqual([]);
  writeFileSync(config, "");
  await expect(lockStore({ folder: config })).rejects.toThrow(`${config}: got a file, expected a folder for published`);
});
