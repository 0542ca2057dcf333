import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { rowKeyHash } from "../../../format/row-key.ts";
import { craftText } from "../../../testing/format/craft-text.ts";
import { HASH_KEY, rowKeyOf } from "../../../testing/format/hash-key.ts";
import { openTrainingLog } from "../../../trainer/data/training-log.ts";
import { specOf, testFolder, writerInto } from "./log-files.ts";

// Texts that are made for their row keys.

const folder = testFolder("crafted-keys");
const file = writerInto(folder);
const FIELDS = ["user", "item"].map((name) => ({ name, type: "categorical" }));
const jsonl = (name: string, records: object[]): string =>
  file(name, records.map((record) => `${JSON.stringify(record)}\n`).join(""));

/** Of the fields user and item: under MurmurHash3 both have the key 9abcdef012345678. */
const OLD_PAIR = { user: "nr;[@#n&yAF9;|2f", item: "{(I]spM7+?O:]23(" };

describe("texts that share a row key", () => {
  it("under the hash of formats 4 and 5 do not under the keyed one", async () => {
    const old = (field: "user" | "item") => rowKeyHash(undefined, field)(OLD_PAIR[field], { lo: 0, hi: 0 });
    expect(old("user")).toEqual({ lo: 0x12345678, hi: 0x9abcdef0 });
    expect(old("item")).toEqual(old("user"));
    expect(rowKeyOf("item", OLD_PAIR.item)).not.toEqual(rowKeyOf("user", OLD_PAIR.user));

    const path = jsonl("old.jsonl", [
      { label: 1, ...OLD_PAIR },
      { label: 0, user: "u", item: "i" },
    ]);
    const { vocabulary } = await openTrainingLog(specOf({ fields: FIELDS }), { paths: [path] }, join(folder, "old"));
    expect([...vocabulary.fieldOf]).toEqual([0, 1, 0, 1, 0, 1]);
  });

  it("of two fields are refused by name, with their places, before anything is trained", async () => {
    const { lo, hi } = rowKeyOf("user", "somebody");
    const item = craftText("item", lo, hi);
    expect(rowKeyOf("item", item)).toEqual({ lo, hi });
    const path = jsonl("two.jsonl", [
      { label: 1, user: "u", item: "i" },
      { label: 0, user: "u", item },
      { label: 1, user: "somebody", item: "i" },
    ]);
    const cache = join(folder, "two");
    const open = (key: string) => openTrainingLog(specOf({ fields: FIELDS }), { paths: [path] }, cache, key);
    const key = (hi.toString(16) + lo.toString(16).padStart(8, "0")).padStart(16, "0");
    await expect(open(HASH_KEY)).rejects.toThrow(
      `${path}, line 3: column user: got "somebody" with the row key ${key}, which ${JSON.stringify(item)} ` +
        `(${path}, line 2: column item) has too, expected different ones: train with another hash key`,
    );
    expect(readdirSync(cache).filter((name) => name !== "duckdb")).toEqual([]);
    expect((await open("0".repeat(32))).vocabulary.size).toBe(2 + 4);
  });

  it("of one field are one value, with one row", async () => {
    const { lo, hi } = rowKeyOf("user", "somebody");
    const twin = craftText("user", lo, hi);
    const path = jsonl("one.jsonl", [
      { label: 1, user: "somebody", item: "i" },
      { label: 0, user: twin, item: "i" },
    ]);
    const part = { paths: [path] };
    const { vocabulary } = await openTrainingLog(specOf({ fields: FIELDS }), part, join(folder, "one"), HASH_KEY);
    expect([...vocabulary.counts]).toEqual([0, 0, 2, 2]);
  });
});

describe("the hash key of a cache", () => {
  const path = file("log.csv", "label,id\n1,a\n0,b\n");
  const open = (cache: string, key?: string) => openTrainingLog(specOf({}), { paths: [path] }, cache, key);

  it("is drawn once, and another cache has another one", async () => {
    const [first, second] = [join(folder, "first"), join(folder, "second")];
    const { fitted, vocabulary } = await open(first);
    expect(fitted.hashKey).toMatch(/^[0-9a-f]{32}$/);
    expect(readFileSync(join(first, "hash-key"), "utf8")).toBe(`${fitted.hashKey}\n`);
    for (const name of readdirSync(first)) if (name !== "hash-key") rmSync(join(first, name), { recursive: true });
    const again = await open(first);
    expect(again.fitted).toEqual(fitted);
    expect(again.vocabulary).toEqual(vocabulary);

    const other = await open(second);
    expect(other.fitted.hashKey).not.toBe(fitted.hashKey);
    expect(other.vocabulary.keys).not.toEqual(vocabulary.keys);
    expect(other.vocabulary.counts).toEqual(vocabulary.counts);
  });

  it("is the first that is there, where two processes draw one at the same time", () => {
    const cache = join(folder, "drawn");
    // The other process is there just before this one gives its own key the name.
    const program = `
      import fs from "node:fs";
      import { syncBuiltinESMExports } from "node:module";
      for (const way of ["renameSync", "linkSync"]) {
        const give = fs[way];
        fs[way] = (from, to) => {
          if (to.endsWith("hash-key") && !fs.existsSync(to)) fs.writeFileSync(to, "${HASH_KEY}\\n");
          give(from, to);
        };
      }
      syncBuiltinESMExports();
      const { cacheHashKey } = await import("./trainer/data/hash-key.ts");
      console.log(cacheHashKey(${JSON.stringify(cache)}));`;
    const args = ["--input-type=module-typescript", "--eval", program];
    expect(execFileSync(process.execPath, args, { encoding: "utf8" })).toBe(`${HASH_KEY}\n`);
    expect(readFileSync(join(cache, "hash-key"), "utf8")).toBe(`${HASH_KEY}\n`);
    expect(readdirSync(cache)).toEqual(["hash-key"]);
  });

  it("gives way to one that is named, which has entries of its own", async () => {
    const cache = join(folder, "named");
    const own = await open(cache);
    const named = await open(cache, HASH_KEY);
    expect(named.fitted.hashKey).toBe(HASH_KEY);
    expect([...named.vocabulary.keys.subarray(2, 4)]).toEqual(Object.values(rowKeyOf("id", "a")));
    expect((await open(cache)).fitted).toEqual(own.fitted);
    const fresh = join(folder, "fresh");
    await open(fresh, HASH_KEY);
    expect(existsSync(join(fresh, "hash-key"))).toBe(false);
  });

  it("is not guessed where its file is broken", async () => {
    const cache = join(folder, "broken");
    file("broken/hash-key", "0123\n");
    await expect(open(cache)).rejects.toThrow(
      `${join(cache, "hash-key")}: got another text, expected 32 lower-case hex digits; without the file, a key is drawn`,
    );
  });
});
