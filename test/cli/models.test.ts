import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { makeProgram } from "../../cli/commands/program.ts";
import { textOf } from "../../deploy/kv/kv-store.ts";
import { openStore } from "../../deploy/kv/open-store.ts";
import { verifyVersion } from "../../deploy/verify.ts";
import { toHex } from "../../format/hash.ts";
import { readPointer, writeDefault, writePointer } from "../../format/pointer.ts";
import { readBlob } from "../../format/read-blob.ts";
import { defaultKey, pointerKey } from "../../format/store.ts";
import { PRIVATE_KEY } from "../../testing/format/golden.ts";
import { saveExport } from "../../trainer/export/export.ts";
import { sealExport } from "../../trainer/export/seal.ts";
import type { UpdateReport } from "../../trainer/export/update.ts";
import { goldenExport, saveGoldenExport } from "../deploy/golden-export.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-models-"));
afterAll(() => rmSync(folder, { recursive: true }));
const config = join(folder, "wrangler.toml");
const published = join(folder, "published");
const key = join(folder, "key.pem");
const [first, second] = ["tiny", "pnn"].map((name) => join(folder, name));
const [tiny, pnn] = await Promise.all([goldenExport("tiny"), goldenExport("pnn")]);

const SIGNED = { signed: expect.objectContaining({ serial: expect.any(Number) }) };

/** Runs a command in this process, on the local KV of the configuration, and returns what it prints. */
function run(...args: string[]): Promise<string> {
  return runIn("--config", config, ...args);
}

/** The same on a folder, as quick as the local KV is slow: workerd starts for each command. */
function inFolder(...args: string[]): Promise<string> {
  return runIn("--folder", published, ...args);
}

/** The same with the options that name another store. */
async function runIn(...args: string[]): Promise<string> {
  const printed: string[] = [];
  const log = vi.spyOn(console, "log").mockImplementation((text) => void printed.push(String(text)));
  const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => printed.push(String(text)) > 0);
  try {
    await (await makeProgram()).parseAsync([...args.slice(2), ...args.slice(0, 2)], { from: "user" });
  } finally {
    log.mockRestore();
    write.mockRestore();
  }
  return printed.join("\n");
}

beforeAll(async () => {
  writeFileSync(key, PRIVATE_KEY);
  writeFileSync(
    config,
    'name = "shop"\ncompatibility_date = "2026-10-20"\n[[kv_namespaces]]\nbinding = "MODELS"\nid = "shop"\n',
  );
  await saveGoldenExport(String(first), "tiny");
  await saveGoldenExport(String(second), "pnn");
});

it("models, verify, pin and prune say what is there where there is nothing, or not that", async () => {
  expect(await run("models")).toBe("no model is published");
  await expect(run("models", "ads")).rejects.toThrow("got the model ads, expected none");
  await expect(run("verify", "ads")).rejects.toThrow("ads: got no pointer, expected the name of a published model");
  await expect(run("prune", "ads")).rejects.toThrow("got the model ads, expected none");
  expect(await run("prune")).toBe("nothing is to go");
  await expect(run("pin", "ads")).rejects.toThrow("got neither VERSION nor --off, expected one of them");
});

it("a folder that is not there, or is a file, is no store without models", async () => {
  const commands = [["models"], ["rollback", "tiny"], ["pin", "tiny", "--off"], ["verify", "tiny"], ["prune", "--yes"]];
  commands.push(
    ["experiment", "show"],
    ["experiment", "stop", "home"],
    ["experiment", "ramp", "home", "--coverage", "1"],
  );
  commands.push(["experiment", "start", "home", "--coverage", "1"]);
  const nowhere = join(folder, "nowhere");
  for (const command of commands) {
    await expect(runIn("--folder", nowhere, ...command)).rejects.toThrow(
      `${nowhere}: got no folder, expected one of published models, which \`publish --folder\` makes`,
    );
    await expect(runIn("--folder", key, ...command)).rejects.toThrow(`${key}: got a file, expected`);
    await expect(runIn("--persist-to", nowhere, ...command)).rejects.toThrow(
      `${nowhere}: got no folder, expected one of a local KV, which`,
    );
  }
  await expect(runIn("--persist-to", nowhere, "logs", "pull", "--out", join(folder, "lines"))).rejects.toThrow(
    `${nowhere}: got no folder, expected one of a local KV`,
  );
  const long = "x".repeat(300);
  await expect(runIn("--folder", long, "models")).rejects.toThrow(`${long}: got no folder, expected`);
  await expect(runIn("--folder", long, "publish", String(first))).rejects.toThrow(
    /^x+: not written: ENAMETOOLONG: name too long; choose/,
  );
  await expect(runIn("--persist-to", folder, "models", "--remote")).rejects.toThrow("--remote: got --persist-to too");
  for (const path of [nowhere, join(folder, "lines")]) expect(existsSync(path)).toBe(false);
});

it("publish, models and rollback name models and versions, and go there and back", async () => {
  expect(await inFolder("publish", String(first))).toContain(`published tiny@${tiny.version}`);
  expect(await inFolder("publish", String(second), "--no-switch", "--note", "not yet")).toContain(
    `published tiny@${pnn.version}; what serves stays as it was`,
  );
  expect(await inFolder("models")).toMatch(
    new RegExp(`tiny, default │ ${tiny.version.slice(0, 12)} │ 20\\d\\d-\\S+ \\d\\d:\\d\\dZ │ [\\d.]+ KiB │ +2 │`),
  );
  expect(await inFolder("rollback", "tiny", pnn.version.slice(0, 8), "--key", key)).toBe(
    `tiny@${pnn.version} serves, in place of ${tiny.version}`,
  );
  expect(await inFolder("models", "tiny")).toMatch(new RegExp(`${pnn.version.slice(0, 12)}, serves │.*│ not yet │`));
  expect(JSON.parse(await inFolder("models", "--json"))).toEqual([
    {
      ...{ model: "tiny", default: true },
      serves: { version: pnn.version, since: expect.stringMatching(/^20.*Z$/), previous: tiny.version, ...SIGNED },
      history: [
        {
          ...{ version: pnn.version, time: expect.stringMatching(/^20.*Z$/), metrics: {} },
          ...{ bytes: pnn.blob.length, note: "not yet" },
        },
        expect.objectContaining({ version: tiny.version, note: "" }),
      ],
    },
  ]);
});

it("publish says which model goes on to serve the requests that name none", async () => {
  const store = join(folder, "of-two");
  await using opened = await openStore({ folder: store });
  await opened.putTexts([{ key: defaultKey(), value: writeDefault("ads") }]);
  const publish = (...args: string[]) => runIn("--folder", store, "publish", String(first), ...args);
  expect(await publish()).toContain("requests that name no model get ads; those that name tiny get this one");
  expect(await publish("--default")).not.toContain("requests");
});

it("a deadline is the model's own until it is off", async () => {
  const store = join(folder, "of-a-deadline");
  await using opened = await openStore({ folder: store });
  const deadlineAfter = async (...args: string[]): Promise<number | undefined> => {
    await runIn("--folder", store, "publish", String(first), ...args);
    return readPointer((await textOf(opened, pointerKey("tiny"))) ?? "", "tiny").deadline;
  };
  expect(await deadlineAfter()).toBeUndefined();
  expect(await deadlineAfter("--deadline", "0")).toBe(0);
  expect(await deadlineAfter()).toBe(0);
  expect(await deadlineAfter("--deadline", "50")).toBe(50);
  expect(await deadlineAfter("--deadline", "off")).toBeUndefined();
});

it("pin, verify and prune: a pinned version stays, damage is named, what nothing needs goes", async () => {
  expect(await inFolder("models")).toContain("tiny");
  await expect(inFolder("models", "ads")).rejects.toThrow("got the model ads, expected tiny");
  await expect(inFolder("pin", "tiny", tiny.version.slice(0, 8))).rejects.toThrow("which is signed, expected --key");
  expect(await inFolder("pin", "tiny", tiny.version.slice(0, 8), "--key", key)).toBe(
    `tiny is pinned to ${tiny.version}, in place of ${pnn.version}`,
  );
  expect(await inFolder("models")).toContain(`${tiny.version.slice(0, 12)}, pinned`);
  expect(await inFolder("publish", String(second))).toContain("; what serves stays as it was");
  expect(await inFolder("verify", "tiny")).toBe(`tiny@${tiny.version} is whole: 3 values`);
  await expect(inFolder("pin", "tiny", tiny.version, "--off")).rejects.toThrow("got both VERSION and --off");
  expect(await inFolder("pin", "tiny", "--off")).toContain(`tiny is no longer pinned; ${tiny.version} serves until`);

  // Both serve, now or before, so that nothing is to go.
  expect(await inFolder("prune", "--keep", "0", "--days", "0")).toBe("nothing is to go");
  const page = `page/${toHex(tiny.pages[0]?.digest ?? new Uint8Array())}`;
  {
    await using store = await openStore({ folder: published }, () => {});
    await store.delete([page]);
    await store.putTexts([
      { key: pointerKey("tiny"), value: writePointer({ version: tiny.version, since: 9e12, previous: null }) },
    ]);
  }
  await expect(inFolder("verify", "tiny")).rejects.toThrow(
    `tiny@${tiny.version}: got 1 fault in 3 values, expected none`,
  );
  await inFolder("publish", String(first), "--repair");
  expect(await inFolder("verify", "tiny", tiny.version.slice(0, 9))).toContain("is whole");

  expect(await inFolder("prune", "--keep", "0", "--days", "0")).toBe(
    `tiny@${pnn.version}\n1 line of histories, 1 blob, 0 pages would go; --yes deletes them`,
  );
  expect(await inFolder("prune", "tiny", "--keep", "0", "--days", "0", "--yes")).toBe(
    `tiny@${pnn.version}\ndeleted 1 line of histories, 1 blob, 0 pages`,
  );
  await using store = await openStore({ folder: published }, () => {});
  expect(await store.keys("blob/")).toEqual(new Set([`blob/${tiny.version}`]));
  expect((await verifyVersion(store, "tiny", null)).faults).toEqual([]);
});

it("prune says which damaged journal keeps everything", async () => {
  const version = "cd".repeat(32);
  const path = join(folder, "store");
  await (await openStore({ folder: path }, () => {})).putTexts([{ key: `uploading/${version}`, value: "{" }]);
  const text = new RegExp(`^uploading/${version} is damaged, .* a day after the first --yes\n`);
  expect(await runIn("--folder", path, "prune")).toMatch(new RegExp(`${text.source}nothing would go now$`));
  expect(await runIn("--folder", path, "prune", "--yes")).toMatch(new RegExp(`${text.source}deleted 0 lines`));
});

it("publish says what an update has kept", async () => {
  const update: UpdateReport = {
    of: tiny.version,
    rows: 2,
    bytes: 2048,
    budget: 4096,
    pagesKept: 1,
    pagesRewritten: 0,
  };
  saveExport(
    join(folder, "update"),
    await sealExport({ model: readBlob(tiny.blob), pages: tiny.pages }, { update }, []),
  );
  expect(await run("publish", join(folder, "update"))).toContain(
    `update of ${tiny.version}: delta rows 2, 2.0 KiB of 4.0 KiB (rows.deltaBytes); pages kept 1, rewritten 0\n`,
  );
  // Wrangler's notes, such as that it reads this file, would be no JSON.
  writeFileSync(join(folder, ".dev.vars"), 'SHOP = "tiny"\n');
  expect(JSON.parse(await run("models", "--json"))).toEqual([
    expect.objectContaining({ model: "tiny", default: true }),
  ]);
  expect(await run("verify", "tiny")).toMatch(/^tiny@[0-9a-f]{64} is whole/);
});
