import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { openLog, placesOf, readRows, rowsOf, testFolder, writerInto } from "./log-files.ts";
import { stderrDuring } from "./stderr.ts";

// Logs in other encodings than UTF-8: `data.encoding`.

const folder = testFolder("encodings");
const file = writerInto(folder);
const TEXT = 'label;id;place\n1;"a\nb";Köln\n0;ß;Zürich\n';
const ROWS = [
  ["1", "a\nb", "Köln"],
  ["0", "ß", "Zürich"],
];
const bigEndian = (text: string): Buffer => Buffer.from(text, "utf16le").swap16();
/** Windows has € at 0x80, where Latin-1 has a control character. */
const WINDOWS = Buffer.concat([Buffer.from(TEXT, "latin1"), Buffer.from("1;"), Buffer.of(0x80), Buffer.from(";x\n")]);

describe("an encoding", () => {
  it.each<[string, Buffer, string]>([
    ["utf-16", Buffer.from(`\uFEFF${TEXT}`, "utf16le"), "marked-le"],
    ["utf-16", bigEndian(`\uFEFF${TEXT}`), "marked-be"],
    ["utf-16", Buffer.from(TEXT, "utf16le"), "le"],
    ["UTF-16LE", Buffer.from(TEXT, "utf16le"), "named-le"],
    ["utf-16be", bigEndian(TEXT), "named-be"],
    ["latin-1", Buffer.from(TEXT, "latin1"), "latin"],
    ["Latin1", Buffer.from(TEXT, "latin1"), "Latin"],
    ["windows-1252", Buffer.from(TEXT, "latin1"), "windows"],
    ["UTF-8", Buffer.from(`\uFEFF${TEXT}`), "utf8"],
  ])("%s is read, and a place is a line of the file", async (encoding, bytes, name) => {
    const data = { encoding, delimiter: ";" };
    for (const path of [file(`${name}.csv`, bytes), file(`${name}.csv.gz`, gzipSync(bytes))]) {
      expect(await readRows(["label", "id", "place"], path, data)).toEqual(ROWS);
      await using log = await openLog(path, data);
      expect(await placesOf(log)).toEqual([2, 4].map((line) => `${path}, line ${line}`));
    }
  });

  it("latin-1 is windows-1252, as in browsers", async () => {
    const path = file("euro.csv", WINDOWS);
    const rows = await readRows(["id"], path, { encoding: "latin-1", delimiter: ";" });
    expect(rows.at(-1)).toEqual(["€"]);
  });

  it("leaves no copy behind", async () => {
    // Other processes have copies of theirs in the system's folder.
    const own = join(folder, "own");
    mkdirSync(own);
    vi.stubEnv("TMPDIR", own);
    onTestFinished(() => void vi.unstubAllEnvs());
    const path = file("copy.csv", Buffer.from(TEXT, "utf16le"));
    await using log = await openLog(path, { encoding: "utf-16", delimiter: ";" });
    expect(readdirSync(own)).not.toEqual([]);
    expect(await rowsOf(log, ["id"])).toHaveLength(2);
    await log[Symbol.asyncDispose]();
    expect(readdirSync(own)).toEqual([]);
  });

  it("of text that is UTF-8 from end to end is warned of", async () => {
    const path = file("really-utf8.csv", TEXT);
    const data = { encoding: "windows-1252", delimiter: ";" };
    expect(await stderrDuring(() => readRows(["id"], path, data))).toContain(
      `warning: ${path}: data.encoding says windows-1252, but the text is UTF-8 from end to end`,
    );
  });
});

describe("bytes in another encoding than data.encoding says are refused, naming the place", () => {
  it.each<[string, string, Buffer, string]>([
    [
      "utf-16",
      "plain",
      Buffer.from(TEXT),
      "line 1: got text without a byte of 0, expected utf-16, as data.encoding says",
    ],
    [
      "utf-16le",
      "swapped",
      bigEndian(`\uFEFF${TEXT}`),
      "line 1: got the byte order mark of utf-16be, expected utf-16le, as data.encoding says",
    ],
    [
      "latin-1",
      "marked",
      Buffer.from(`\uFEFF${TEXT}`, "utf16le"),
      "line 1: got the byte order mark of UTF-16, expected latin-1, as data.encoding says",
    ],
    [
      "windows-1252",
      "marked8",
      Buffer.from(`\uFEFF${TEXT}`),
      "line 1: got the byte order mark of UTF-8, expected windows-1252, as data.encoding says",
    ],
    [
      "utf-16",
      "odd",
      Buffer.from(TEXT, "utf16le").subarray(0, -1),
      "line 4: got half a character of utf-16le at the end",
    ],
    ["utf-16", "alone", Buffer.from(`label;id\n1;\uD800x\n`, "utf16le"), "line 2: got bytes that are not utf-16le"],
  ])("%s: %s", async (encoding, name, bytes, says) => {
    const path = file(`${name}.csv`, bytes);
    await expect(readRows(["label"], path, { encoding, delimiter: ";" })).rejects.toThrow(`${path}, ${says}`);
  });

  it("a file without data.encoding that is not UTF-8 says what to set", async () => {
    const utf16 = file("utf16.csv", Buffer.from(`\uFEFF${TEXT}`, "utf16le"));
    await expect(readRows(["label"], utf16)).rejects.toThrow(
      `${utf16}, line 1: got UTF-16, expected UTF-8; data.encoding says another one: "utf-16"`,
    );
    const latin = file("latin.csv", Buffer.from("label,id\n1,caf\xe9\n", "latin1"));
    await expect(readRows(["id"], latin)).rejects.toThrow(
      `${latin}, line 2: column id: got bytes that are not UTF-8; data.encoding says another one, such as "windows-1252"`,
    );
  });

  it("an unknown one", () => {
    expect(() => openLog("x.csv", { encoding: "koi8-r" })).toThrow(
      'data.encoding: got "koi8-r", expected ("utf-8" | "utf-16"',
    );
  });
});
