import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, vi } from "vitest";
import { Random } from "../../../trainer/data/random.ts";
import { openTrainingLog } from "../../../trainer/data/training-log.ts";
import { endedAt } from "../../killed-process.ts";
import { numberedLog, specOf, testFolder, writerInto } from "./log-files.ts";

const folder = testFolder("cache");
const file = writerInto(folder);
const numbered = (name: string, count: number): string => file(name, numberedLog(count));

/** The files of an entry. */
const FILES = ["heartbeat", "meta.json", "records.bin", "vocabulary.safetensors"];

/** Sets the times of a file, or of a folder and the files in it, back. */
function age(path: string, seconds: number): void {
  const time = new Date(Date.now() - 1000 * seconds);
  const inside = statSync(path).isDirectory() ? readdirSync(path).map((name) => join(path, name)) : [];
  for (const one of [...inside, path]) utimesSync(one, time, time);
}

const entriesOf = (cache: string): string[] => readdirSync(cache).filter((name) => /^[0-9a-f]{32}$/.test(name));

describe("the cache", () => {
  it("is used again, for the same data and spec alone", async () => {
    const cache = join(folder, "again");
    const path = numbered("again.csv", 100);
    const open = (changes: object) => openTrainingLog(specOf(changes), { paths: [path] }, cache);
    const first = await open({});
    const [entry = ""] = entriesOf(cache);
    const made = statSync(join(cache, entry, "records.bin")).mtimeMs;
    const second = await open({ name: "other", model: { hidden: [8] }, training: { seed: 2 }, data: { shuffle: 5 } });
    expect(entriesOf(cache)).toEqual([entry]);
    expect(statSync(join(cache, entry, "records.bin")).mtimeMs).toBe(made);
    expect(second.fitted).toEqual({ ...first.fitted, name: "other" });
    expect(second.vocabulary).toEqual(first.vocabulary);

    const rare = { fields: [{ name: "id", type: "categorical", encoding: { kind: "vocabulary", minCount: 2 } }] };
    expect((await open(rare)).vocabulary.size).toBe(1);
    expect(entriesOf(cache).length).toBe(2);
    expect((await open({ data: { where: "id <> 'r1'" } })).source.count).toBe(99);
    expect(entriesOf(cache).length).toBe(3);
  });

  it("forgets what was made of a file that has changed", async () => {
    const cache = join(folder, "changed");
    const path = numbered("changed.csv", 100);
    const open = () => openTrainingLog(specOf({}), { paths: [path] }, cache);
    await open();
    const [first] = entriesOf(cache);
    appendFileSync(path, "1,new\n");
    expect((await open()).source.count).toBe(101);
    // Another run may still be reading the entry: it goes when nobody has been using it for a while.
    expect(entriesOf(cache)).toContain(first);
    for (const name of entriesOf(cache)) age(join(cache, name), 3600);
    // The same size, another time.
    utimesSync(path, new Date(), new Date(Date.now() + 5000));
    await open();
    expect(entriesOf(cache).length).toBe(1);
  });

  it("refuses damaged shards, and names the file", async () => {
    const cache = join(folder, "damaged");
    const path = numbered("damaged.csv", 100);
    const { source } = await openTrainingLog(specOf({}), { paths: [path] }, cache);
    const records = join(cache, entriesOf(cache)[0], "records.bin");
    const bytes = readFileSync(records);
    bytes[100] = bytes[100] ^ 1;
    writeFileSync(records, bytes);
    await expect(source.epoch(new Random(1)).next()).rejects.toThrow(/records\.bin: got damaged bytes from 0/);
    writeFileSync(records, bytes.subarray(0, 200));
    await expect(source.epoch(new Random(1)).next()).rejects.toThrow(/records\.bin: got 200 bytes, expected more/);
  });

  it("leaves nothing of a bad log", async () => {
    const cache = join(folder, "bad");
    const path = file("bad.csv", `label,id\n${"1,a\n".repeat(50_000)}2,b\n`);
    await expect(openTrainingLog(specOf({}), { paths: [path] }, cache)).rejects.toThrow(
      'bad.csv, line 50002: column label: got "2"',
    );
    expect(readdirSync(cache)).toEqual(["hash-key"]);
  });

  it("warns of a field that never changes, once", async () => {
    const path = file("constant.csv", "label,id,x\n1,a,5\n0,b,5\n1,c,5.0\n");
    const fields = ["id", "x"].map((name) => ({ name, type: name === "x" ? "numeric" : "categorical" }));
    const written = vi.spyOn(process.stderr, "write").mockImplementation(() => true);
    try {
      for (const times of [1, 0]) {
        written.mockClear();
        await openTrainingLog(specOf({ fields }), { paths: [path] }, join(folder, "constant"));
        const said = `warning: ${path}: column x is the same in all 3 records, so it says nothing\n`;
        expect(written.mock.calls.flat().filter((text) => text === said)).toHaveLength(times);
      }
    } finally {
      written.mockRestore();
    }
  });

  it.each(["", "-1", "heavy", "Infinity"])("refuses the sample weight %j", async (weight) => {
    const path = file("weights.csv", `label,id,w\n1,a,0\n0,b,${weight}\n`);
    const spec = specOf({ data: { weight: "w" } });
    await expect(openTrainingLog(spec, { paths: [path] }, join(folder, "weights"))).rejects.toThrow(
      /weights\.csv, line 3: column w: got .*, expected a weight of 0 or more/,
    );
  });
});

describe.skipIf(process.platform === "win32")("a build that is cut off leaves nothing under a final name", () => {
  const path = numbered("cut.csv", 200_000);
  const script = fileURLToPath(new URL("./build-cache.ts", import.meta.url));
  const spec = file("cut.json", JSON.stringify({ name: "s", fields: [{ name: "id", type: "categorical" }] }));

  /** Builds in a process of its own, `shell` before it; resolves with its stderr when it has ended. */
  async function build(
    cache: string,
    { shell = "", env = {}, killAfter = null }: { shell?: string; env?: NodeJS.ProcessEnv; killAfter?: number | null },
  ): Promise<{ code: number | null; text: string }> {
    const command = `${shell} exec '${process.execPath}' '${script}' '${spec}' '${path}' '${cache}'`;
    const child = spawn("bash", ["-c", command], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, ...env },
    });
    let text = "";
    child.stderr.on("data", (data) => {
      text += data;
    });
    const timer = killAfter === null ? null : setTimeout(() => child.kill("SIGKILL"), killAfter);
    const [code] = await once(child, "close");
    if (timer) clearTimeout(timer);
    return { code, text };
  }

  it("killed at any moment; the next one starts anew, and removes what is left when it is silent", async () => {
    const cache = join(folder, "killed");
    const random = new Random(6);
    // Before each file, and last the entry, gets its name; and some time before that, which a fast machine never sees.
    const entry = /\/[0-9a-f]{32}$/;
    const names = [/\/hash-key$/, /\/vocabulary\.safetensors$/, /\/meta\.json$/, entry];
    const times = [300 + random.integer(900), 300 + random.integer(900)];
    for (const moment of [
      ...names.map((name) => ({ env: endedAt({ name }) })),
      ...times.map((killAfter) => ({ env: endedAt({ name: entry }), killAfter })),
    ]) {
      const { code, text } = await build(cache, moment);
      expect(code, text).toBe(null);
      expect(entriesOf(cache)).toEqual([]);
    }
    const left = readdirSync(cache).filter((name) => name !== "hash-key");
    expect(left.length).toBeGreaterThanOrEqual(names.length);
    for (const name of left) age(join(cache, name), 120);
    expect(await build(cache, {})).toMatchObject({ code: 0 });
    const [made = "", ...others] = readdirSync(cache).filter((name) => name !== "hash-key");
    expect(others).toEqual([]);
    expect(entriesOf(cache)).toEqual([made]);
    expect(readdirSync(join(cache, made)).sort()).toEqual(FILES);
  });

  // A limit on the size of files stands for a full disk: writing fails in the same way.
  it.each([100, 1000, 2000])("no room after %d KiB", async (kibibytes) => {
    const cache = join(folder, `full-${kibibytes}`);
    const { code, text } = await build(cache, { shell: `trap '' XFSZ; ulimit -f ${kibibytes};` });
    expect(text).toMatch(/EFBIG|file too large/i);
    expect(code).toBe(1);
    expect(readdirSync(cache)).toEqual(["hash-key"]);
  });
});
