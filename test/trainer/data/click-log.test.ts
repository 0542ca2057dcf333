import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { ClickLog } from "../../../trainer/data/click-log.ts";
import { DuckDb } from "../../../trainer/data/duckdb.ts";
import { openHeldOutLog } from "../../../trainer/data/held-out-log.ts";
import { openTrainingLog } from "../../../trainer/data/training-log.ts";
import { numberedLog, openLog, readRows, specOf, testFolder, writerInto } from "./log-files.ts";

// What a log holds while it is open, threads and files, it lets go of when it is closed.

const folder = testFolder("click-log");
const file = writerInto(folder);
const TASKS = "/proc/self/task";
const FILES = "/proc/self/fd";
const COUNT = 10;

/** More records than DuckDB buffers for whoever reads them. */
const LONG = 200_000;
const long = file("long.csv", numberedLog(LONG));

function threads(): number {
  return readdirSync(TASKS).length;
}

/** Waits until there are no more threads than before: the system lists one for a moment after it has been joined. */
async function untilThreads(most: number): Promise<void> {
  await vi.waitFor(() => expect(threads()).toBeLessThanOrEqual(most), { timeout: 120_000 });
}

/** How many there are when those that were joined are gone. */
async function settledThreads(): Promise<number> {
  let [before, now] = [Number.POSITIVE_INFINITY, threads()];
  while (now < before) {
    await setTimeout(50);
    [before, now] = [now, threads()];
  }
  return now;
}

function isOpen(path: string): boolean {
  return readdirSync(FILES).some((fd) => {
    try {
      return readlinkSync(join(FILES, fd)) === path;
    } catch {
      return false; // the descriptor that listed the folder
    }
  });
}

/** Opens a log, uses it and closes it, again and again. */
async function repeat(times: number, path: string, use: (log: ClickLog) => Promise<unknown>): Promise<void> {
  for (let i = 0; i < times; i++) {
    await using log = await openLog(path);
    await use(log);
  }
}

async function readFirstChunk(log: ClickLog): Promise<void> {
  for await (const _ of log.chunks(["label"])) break;
}

const csv = "label,id\n1,a\n0,b\n";
const json = '{"label":1,"id":"a"}\n{"label":0,"id":"b"}\n';
const logs: Record<string, string> = {
  csv: file("a.csv", csv),
  "csv.gz": file("a.csv.gz", gzipSync(csv)),
  "csv.zst": file("a.csv.zst", zstdCompressSync(csv)),
  tsv: file("a.tsv", csv.replaceAll(",", "\t")),
  jsonl: file("a.jsonl", json),
  parquet: join(folder, "a.parquet"),
  libsvm: file("a.libsvm", "1 2:3\n0 4:5\n"),
  libffm: file("a.libffm", "1 0:2:3\n0 1:4:5\n"),
};
beforeAll(async () => {
  await using log = await ClickLog.open(logs.csv, { output: logs.parquet });
  await log.copy(["label", "id"], logs.parquet);
});

const onLinux = describe.skipIf(!existsSync(TASKS));

onLinux(`${COUNT} logs that were opened and closed leave no thread and no database behind`, () => {
  it.each(Object.keys(logs))("%s", async (format) => {
    await repeat(1, logs[format], readFirstChunk); // starts the threads that stay
    const before = await settledThreads();
    await repeat(COUNT, logs[format], async (log) => {
      expect(DuckDb.openCount).toBe(1);
      expect(await log.count()).toBe(2);
      await readFirstChunk(log);
    });
    await untilThreads(before);
    expect(DuckDb.openCount).toBe(0);
  });

  it("and would, were they not closed", async () => {
    const before = await settledThreads();
    const open = await Promise.all(Array.from({ length: COUNT }, () => openLog(logs.csv)));
    expect(threads()).toBeGreaterThanOrEqual(before + COUNT);
    expect(DuckDb.openCount).toBe(COUNT);
    for (const log of open) await log[Symbol.asyncDispose]();
    await untilThreads(before);
  });
});

onLinux("a reading that ends early leaves nothing behind", () => {
  it.each<[string, (log: ClickLog) => Promise<unknown>]>([
    ["break", readFirstChunk],
    [
      "an error of whoever reads",
      (log) =>
        expect(async () => {
          for await (const { rows } of log.chunks(["id"])) throw new Error(`got ${rows} rows`);
        }).rejects.toThrow("got 2048 rows"),
    ],
    [
      "two at once, one to its end",
      async (log) => {
        let rows = 0;
        for await (const chunk of log.chunks(["id"])) {
          if (rows === 0) await readFirstChunk(log);
          rows += chunk.rows;
        }
        expect(rows).toBe(LONG);
      },
    ],
  ])("%s", async (_, read) => {
    await repeat(1, logs.csv, readFirstChunk); // starts the threads that stay
    const before = await settledThreads();
    await repeat(3, long, read);
    await untilThreads(before);
  });

  it("the search for damage in a compressed file ends too", async () => {
    const path = file("long.csv.gz", gzipSync(numberedLog(LONG)));
    await using log = await openLog(path);
    for await (const _ of log.chunks(["id"])) {
      expect(isOpen(path)).toBe(true);
      break;
    }
    await vi.waitFor(() => expect(isOpen(path)).toBe(false), { timeout: 120_000 });
  });
});

describe("a log that cannot be opened", () => {
  it.each<[string, string, object]>([
    ["with a column twice", file("twice.csv", "label,id,id\n1,a,b\n"), {}],
    ["with SQL that is none", logs.csv, { where: "id >" }],
    ["with a type that is none", logs.csv, { types: { id: "NUMBER" } }],
  ])("%s leaves no database open", async (_, path, data) => {
    await expect(openLog(path, data)).rejects.toThrow();
    expect(DuckDb.openCount).toBe(0);
  });
});

it("a process that has read a log and closed it ends by itself", async () => {
  const script = fileURLToPath(new URL("./read-log.ts", import.meta.url));
  const child = spawn(process.execPath, [script, long], { stdio: ["ignore", "pipe", "inherit"], timeout: 280_000 });
  child.stdout.setEncoding("utf8");
  const [[code], text] = await Promise.all([once(child, "close"), once(child.stdout, "data")]);
  expect(String(text)).toBe("2048\n");
  expect(code).toBe(0);
});

it("logs that the cache has are not opened again", async () => {
  const cache = join(folder, "cache");
  const spec = specOf({});
  const part = { paths: [long] };
  const open = vi.spyOn(ClickLog, "open");
  const first = await openTrainingLog(spec, part, cache);
  const heldOut = await openHeldOutLog(spec, first, part, cache);
  expect(open).toHaveBeenCalledTimes(2);
  const again = await openTrainingLog(spec, part, cache);
  expect(await (await openHeldOutLog(spec, again, part, cache)).head(3)).toEqual(await heldOut.head(3));
  expect(open).toHaveBeenCalledTimes(2);
});

it("JSON that DuckDB takes and others do not is named by line and column", async () => {
  const path = file("nan.jsonl", '{"label":1,"n":2}\n{"label":0,"n":NaN}\n');
  await expect(readRows(["label", "n"], path)).rejects.toThrow(
    /nan\.jsonl, line 2: column n: got NaN, expected a number/,
  );
});
