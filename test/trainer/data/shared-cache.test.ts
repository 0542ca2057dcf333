// A cache that processes share, also those of other machines and containers.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, vi } from "vitest";
import { cached } from "../../../trainer/data/cache.ts";
import { noLabels } from "../../../trainer/data/label-counts.ts";
import { openTrainingLog } from "../../../trainer/data/training-log.ts";
import { TemporaryFolder } from "../../../trainer/io/temporary.ts";
import { endedAt } from "../../killed-process.ts";
import { numberedLog, specOf, testFolder, writerInto } from "./log-files.ts";

const folder = testFolder("shared-cache");
const file = writerInto(folder);
const path = file("log.csv", numberedLog(20_000));
const spec = file("spec.json", JSON.stringify({ name: "s", fields: [{ name: "id", type: "categorical" }] }));
const script = fileURLToPath(new URL("./build-cache.ts", import.meta.url));

const entriesOf = (cache: string): string[] => readdirSync(cache).filter((name) => /^[0-9a-f]{32}$/.test(name));
const FILES = ["heartbeat", "meta.json", "records.bin", "vocabulary.safetensors"];

interface Start {
  /** What comes before Node. */
  command?: string;
  /** Node's. */
  options?: string[];
  env?: NodeJS.ProcessEnv;
}

/** Encodes the log into a cache in a process of its own. */
function build(cache: string, { command = "exec", options = [], env = {} }: Start = {}) {
  const node = [process.execPath, ...options, script, spec, path, cache].map((word) => `'${word}'`).join(" ");
  const child = spawn("sh", ["-c", `${command} ${node}`], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...env },
  });
  let text = "";
  child.stderr.on("data", (data) => {
    text += data;
  });
  return { child, ended: once(child, "close").then(([code]) => ({ code: code as number | null, text })) };
}

/** Opens a log of five records through a cache. */
function openSmall(cache: string, name: string): ReturnType<typeof openTrainingLog> {
  return openTrainingLog(specOf({}), { paths: [file(name, numberedLog(5))] }, cache);
}

/** What is printed to stderr meanwhile. */
async function saying(work: () => Promise<unknown>): Promise<string> {
  const written = vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  try {
    await work();
    return written.mock.calls.map(([text]) => String(text)).join("");
  } finally {
    written.mockRestore();
  }
}

describe.skipIf(process.platform === "win32")("processes that share a cache", () => {
  it("are not kept from it by what a killed one with their process id left", async () => {
    const cache = join(folder, "same-pid");
    expect((await build(cache).ended).code).toBe(0);
    const [hash = ""] = entriesOf(cache);
    rmSync(join(cache, hash), { recursive: true });
    const { code, text } = await build(cache, {
      command: `mkdir '${cache}/${hash}'.$$.tmp '${cache}/${hash}'.1.tmp; exec`,
    }).ended;
    expect(code, text).toBe(0);
    expect(entriesOf(cache)).toEqual([hash]);
  });

  it.each([
    ["the key of its hashes", /\/hash-key$/],
    ["its vocabulary", /\/vocabulary\.safetensors$/],
    ["what it says of itself", /\/meta\.json$/],
    ["the entry itself", /\/[0-9a-f]{32}$/],
  ])("make one entry, where one of them is killed before %s gets its name", async (what, name) => {
    const cache = join(folder, what.replaceAll(" ", "-"));
    const [killed, survivor] = [build(cache, { env: endedAt({ name }) }), build(cache)];
    const { code, text } = await survivor.ended;
    expect(code, text).toBe(0);
    // It was not killed where the other one was first, whose entry it then has.
    expect([null, 0]).toContain((await killed.ended).code);
    expect(entriesOf(cache)).toHaveLength(1);
    expect(readdirSync(join(cache, entriesOf(cache)[0])).sort()).toEqual(FILES);
  });

  it("spare each other's unfinished entries, even where their clocks differ by a year", async () => {
    const cache = join(folder, "clock");
    mkdirSync(cache);
    const [live, silent, early] = ["a", "b", "c"].map(
      (digit) => `${digit.repeat(32)}.deepfm-edge-${"0".repeat(16)}.tmp`,
    );
    for (const name of [live, silent, early]) mkdirSync(join(cache, name));
    for (const [name, seconds] of [
      [silent, -120],
      [early, 120],
    ] as const) {
      const time = new Date(Date.now() + 1000 * seconds);
      utimesSync(join(cache, name), time, time);
    }
    const beat = (): void => writeFileSync(join(cache, live, "heartbeat"), ".");
    beat();
    const timer = setInterval(beat, 1000);
    const off = "const now = Date.now; Date.now = () => now() + 365 * 24 * 3600 * 1000;";
    const options = ["--import", `data:text/javascript,${encodeURIComponent(off)}`];
    const { code, text } = await build(cache, { options }).ended;
    clearInterval(timer);
    expect(code, text).toBe(0);
    expect(readdirSync(cache).filter((name) => name.endsWith(".tmp"))).toEqual([live]);
  });
});

const namespaces = ((): boolean => {
  try {
    execFileSync("unshare", ["--pid", "--fork", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

it.skipIf(!namespaces)("a container that is killed and started again goes on, with the same process id", async () => {
  const cache = join(folder, "container");
  const container = "exec unshare --pid --fork --kill-child=SIGKILL";
  // The first one waits before its entry gets its final name, so that it is killed in the middle however slow it is.
  const waiting =
    'import fs from "node:fs"; import { syncBuiltinESMExports } from "node:module"; const rename = fs.renameSync;' +
    `fs.renameSync = (from, to) => { if (/[/][0-9a-f]{32}$/.test(to)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);` +
    "rename(from, to); }; syncBuiltinESMExports();";
  const options = ["--import", `data:text/javascript,${encodeURIComponent(waiting)}`];
  const first = build(cache, { command: container, options });
  const timer = setInterval(() => {
    if (existsUnfinished(cache)) first.child.kill("SIGKILL");
  }, 5);
  await first.ended;
  clearInterval(timer);
  expect(existsUnfinished(cache)).toBe(true);
  const { code, text } = await build(cache, { command: container }).ended;
  expect(code, text).toBe(0);
  expect(entriesOf(cache)).toHaveLength(1);
});

function existsUnfinished(cache: string): boolean {
  try {
    return readdirSync(cache).some((name) => /^[0-9a-f]{32}\..*\.tmp$/.test(name)); // not another file's
  } catch {
    return false;
  }
}

describe("an entry that is damaged", () => {
  const damages: [string, (entry: string) => void, RegExp][] = [
    ["meta.json cut short", (entry) => truncateSync(join(entry, "meta.json"), 90), /meta\.json: not JSON: .*line \d+/],
    ["meta.json missing", (entry) => rmSync(join(entry, "meta.json")), /meta\.json: no such file/],
    [
      "records.bin cut short",
      (entry) => truncateSync(join(entry, "records.bin"), 9),
      /records\.bin: got 9 bytes, expected/,
    ],
    ["records.bin missing", (entry) => rmSync(join(entry, "records.bin")), /records\.bin: got 0 bytes, expected/],
    ["vocabulary cut short", (entry) => truncateSync(join(entry, "vocabulary.safetensors"), 200), /vocabulary.*: got/],
    ["vocabulary missing", (entry) => rmSync(join(entry, "vocabulary.safetensors")), /vocabulary.*: no such file/],
  ];
  it.each(damages)("is said and made again: %s", async (name, damage, problem) => {
    const cache = join(folder, name.replaceAll(/\W/g, "-"));
    const whole = await openSmall(cache, "small.csv");
    const [entry = ""] = entriesOf(cache);
    damage(join(cache, entry));
    let again: Awaited<ReturnType<typeof openSmall>> | null = null;
    const said = await saying(async () => {
      // The log is not written anew, as its time would be another one.
      again = await openTrainingLog(specOf({}), { paths: [join(folder, "small.csv")] }, cache);
    });
    expect(said).toMatch(problem);
    expect(said).toContain("this entry of the cache is made again\n");
    expect(again).toMatchObject({ vocabulary: whole.vocabulary, fitted: whole.fitted });
    expect(entriesOf(cache)).toEqual([entry]);
    expect(readdirSync(join(cache, entry)).sort()).toEqual(FILES);
  });

  it("of another log is passed over, and said once", async () => {
    const cache = join(folder, "other");
    await openSmall(cache, "one.csv");
    const [entry = ""] = entriesOf(cache);
    writeFileSync(join(cache, entry, "meta.json"), '{"inputs": [');
    const said = await saying(async () => {
      for (const name of ["two.csv", "three.csv"]) expect((await openSmall(cache, name)).source.count).toBe(5);
    });
    expect(said.match(/passed over/g)).toHaveLength(1);
    expect(said).toContain(`${join(cache, entry, "meta.json")}: not JSON`);
    expect(entriesOf(cache)).toContain(entry);
  });
});

describe("whoever comes second", () => {
  const meta = { records: 1, shards: [], warnings: [], labels: noLabels() };
  const read = ({ folder: made }: { folder: string }): string => readFileSync(join(made, "data"), "utf8");

  it("uses the entry of the first", async () => {
    const cache = join(folder, "second");
    const make = (text: string, before: () => Promise<unknown>) =>
      cached(
        cache,
        "key",
        [],
        async (made) => {
          await before();
          writeFileSync(join(made, "data"), text);
          return meta;
        },
        read,
      );
    const opened = await make("second", () => make("first", async () => {}));
    expect(opened).toBe("first");
    expect(readdirSync(cache)).toEqual(entriesOf(cache));
  });

  it("makes an entry again whose folder went while it was asleep, but not for ever", async () => {
    const cache = join(folder, "asleep");
    let builds = 0;
    const make = (losses: number) =>
      cached(
        cache,
        losses,
        [],
        async (made) => {
          if (builds++ < losses) rmSync(made, { recursive: true });
          mkdirSync(made, { recursive: true });
          writeFileSync(join(made, "data"), "made");
          return meta;
        },
        read,
      );
    expect(await make(2)).toBe("made");
    expect(builds).toBe(3);
    builds = 0;
    await expect(make(9)).rejects.toThrow(/asleep: got the unfinished entry removed 3 times/);
  });
});

it("a folder to work in is alone, and goes with what is in it", () => {
  const parent = join(folder, "work");
  const [a, b] = [new TemporaryFolder(parent, "duckdb"), new TemporaryFolder(parent, "duckdb")];
  expect(a.path).not.toBe(b.path);
  a[Symbol.dispose]();
  expect(a.intact).toBe(false);
  expect(b.intact).toBe(true);
  b[Symbol.dispose]();
  expect(readdirSync(parent)).toEqual([]);
});
