import { appendFileSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeEvent } from "../../../../format/event.ts";
import { type Exposure, parseExposure, writeExposure } from "../../../../format/exposure.ts";
import { makeWholeCohort } from "../../../../lab/analysis/experiment/cohort.ts";
import { ExperimentLog } from "../../../../lab/analysis/log/experiment-log.ts";
import { experimentFiles } from "../../../../lab/analysis/log/log-files.ts";
import { exampleEvent, exampleExposure } from "../../../../testing/exposures/example-lines.ts";
import { integer, seeded } from "../../../../testing/format/random.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-log-"));
afterAll(() => rmSync(folder, { recursive: true }));

const idOf = (n: number): string => String(n).padStart(30, "x");
const exposure = (n: number, changes: Partial<Exposure> = {}): string =>
  writeExposure(exampleExposure(3, { id: idOf(n), ...changes }));
const event = (n: number, key?: string): string =>
  writeEvent(exampleEvent({ id: idOf(n), ...(key !== undefined && { key }) }));

/** By the words that the problem must have: lines that are none. */
const BAD: readonly (readonly [line: string, problem: string])[] = [
  ["{", "not JSON"],
  ["[1]", "expected"],
  [exposure(80).replace('"v":1', '"v":"1"'), 'got version "1", expected 1'],
  [exposure(81).replace('"x":', '"x":"other","x":'), 'got the key "x" twice, again at '],
  [exposure(82).replace('"policy":{', '"policy":{"policy":"soft",'), 'got the key "policy" twice'],
  [exposure(83, { ctx: { a: 1 } }).replace('"a":1', '"a":NaN'), "not JSON"],
  [exposure(84, { ctx: { a: 1 } }).replace('"a":1', '"a":[1,]'), "not JSON"],
  [event(80).replace('"v":1', '"v":true'), "got version true, expected 1"],
  [event(81).replace('"t":', '"value":1e999,"t":'), "value: got Infinity, expected <=1000000000000000"],
  [event(85).replace('"t":', '"value":-1.7e308,"t":'), "value: got -1.7e+308, expected >=-1000000000000000"],
  [event(82).replace('"t":', '"value":NaN,"t":'), "not JSON"],
  [event(83).replace('"t":', '"t":1,"t":'), 'got the key "t" twice'],
  [event(84).replace('"type":"click"', '"type":"revenue"'), "value: got none, expected what the revenue is"],
  [exposure(90).replace('"v":1', '"v":2'), "got version 2, expected 1"],
  [exposure(91).replace('"t":1767225600123', '"t":"soon"'), "t: "],
  [exposure(92).replace('"keep":1', '"keep":1.5'), "keep: "],
  [exposure(93).replace('"served":"arm"', '"served":"nobody"'), "served: "],
  [exposure(94).replace('"u":"0123456789abcdef"', '"u":17'), "u: "],
  [exposure(95).replace('"phase":"0f1e2d3c",', ""), "phase: "],
  [event(90).replace('"type":"click"', '"type":"glance"'), "type: "],
  [event(91).replace('"received":', '"recieved":'), "received"],
];

describe("a folder with good and bad lines, in plain and compressed files", () => {
  let log: ExperimentLog;
  beforeAll(async () => {
    mkdirSync(join(folder, "log/day=1"), { recursive: true });
    const first = [exposure(1), "", ...BAD.map(([line]) => line), event(1), " \t"];
    writeFileSync(join(folder, "log/day=1/a.jsonl"), `${first.join("\r\n")}\r\n`);
    const again = [exposure(1), exposure(2), exposure(1, { arm: "other" }), event(1), event(1, "second"), event(77)];
    writeFileSync(join(folder, "log/b.ndjson.gz"), gzipSync(again.join("\n")));
    const bytes = Buffer.concat([
      Buffer.from(`${exposure(3)}\n`),
      Buffer.from(exposure(4).replace("homepage", "home\xffpage"), "latin1"),
      Buffer.from(`\n${exposure(5)}\n\u0001${exposure(6)}\n${exposure(7).replace(",", ",\r")}`),
    ]);
    writeFileSync(join(folder, "log/c.json"), bytes);
    // Lines of random digits, which do not compress: a half of the file has some of them.
    const random = seeded(3);
    const many = Array.from({ length: 400 }, (_, i) =>
      exposure(1000 + i, { seed: Array.from({ length: 32 }, () => integer(random, 0, 9)).join("") }),
    );
    const whole = gzipSync(many.join("\n"), { level: 1 });
    writeFileSync(join(folder, "log/d.jsonl.gz"), whole.subarray(0, whole.length >> 1));
    writeFileSync(join(folder, "log/empty.jsonl"), "");
    writeFileSync(join(folder, "log/notes.txt"), "no log");
    log = await ExperimentLog.open([join(folder, "log")], { contextFields: ["a/b"] });
  });
  afterAll(() => log[Symbol.asyncDispose]());

  test("is found by a glob that is longer than any name of a file", () => {
    const glob = join(folder, `log/{${"x".repeat(300)},c}.json`);
    expect(experimentFiles([glob])).toEqual([join(folder, "log/c.json")]);
  });

  test("counts what each line is", async () => {
    const { counts, lines } = log;
    expect(lines.files.map((file) => file.slice(folder.length))).toEqual([
      "/log/b.ndjson.gz",
      "/log/c.json",
      "/log/d.jsonl.gz",
      "/log/day=1/a.jsonl",
    ]);
    expect(lines.copied.map((file) => file.slice(folder.length))).toEqual(["/log/c.json", "/log/d.jsonl.gz"]);
    const { cut } = await lines.row<{ cut: number }>("SELECT count(*) AS cut FROM exposure WHERE id LIKE '%x1___'");
    expect(cut).toBeGreaterThan(0);
    expect(cut).toBeLessThan(400);
    expect(counts).toEqual({
      // Of c.json: no UTF-8, a control character, and a CR within a line. Of d.jsonl.gz: its end.
      bad: BAD.length + 4,
      lines: BAD.length + 4 + 3 + 1 + 2 + cut + 1 + 3,
      exposures: 3 + 1 + 2 + cut,
      events: 1 + 3,
      duplicateExposures: 2,
      duplicateEvents: 1,
      contradictions: 1,
    });
  });

  test("names bad lines by file and line, with what is wrong", async () => {
    const found = await log.badLines(100);
    const own = found.filter(({ place }) => place.includes("a.jsonl"));
    expect(own.map(({ place }) => place.slice(folder.length))).toEqual(
      BAD.map((_, i) => `/log/day=1/a.jsonl, line ${i + 3}`),
    );
    for (const [i, [, problem]] of BAD.entries()) expect(own[i]?.problem).toContain(problem);
    const bytes = found.filter(({ place }) => place.includes("c.json"));
    expect(bytes.map(({ place }) => place.slice(folder.length))).toEqual([
      "/log/c.json, line 2",
      "/log/c.json, line 4",
      "/log/c.json, line 5",
    ]);
    const [cut, ...others] = found.filter(({ place }) => place.includes("d.jsonl"));
    expect(others).toEqual([]);
    expect(cut).toEqual({
      place: join(folder, "log/d.jsonl.gz"),
      problem: "got a damaged file: unexpected end of file",
    });
  });

  test("takes the first of lines that contradict each other", async () => {
    expect(
      await log.lines.rows("SELECT id, arm FROM exposure WHERE id LIKE '%x1' OR id LIKE '%x2' ORDER BY id"),
    ).toEqual([
      { id: idOf(1), arm: "deepfm" },
      { id: idOf(2), arm: "deepfm" },
    ]);
  });
});

test("a gzip file of several parts, with zeros behind them, is read to its end", async () => {
  const path = join(folder, "padded.jsonl.gz");
  const parts = [exposure(1), exposure(2)].map((line) => gzipSync(`${line}\n`));
  writeFileSync(path, Buffer.concat([...parts, gzipSync(""), Buffer.alloc(512)]));
  await using log = await ExperimentLog.open([path]);
  expect(log.counts).toMatchObject({ lines: 2, exposures: 2, bad: 0 });
  expect(log.lines.copied).toEqual([]);
});

test("what clients may write into ids and the context makes no line of the Worker's a bad one", async () => {
  const texts = [
    ",nan,]",
    ":-Infinity,}",
    '\\",NaN',
    "\ud800",
    "\udfff\ud800",
    "\u0000",
    "\u2028\u0085\ufeff",
    '"\\\n',
    "\ud83d\ude00",
    "\\ud800",
  ];
  const nested: unknown = JSON.parse(`${"[".repeat(2000)}${"]".repeat(2000)}`);
  const path = join(folder, "odd.jsonl");
  const lines = [...texts, nested].map((value, n) =>
    exposure(n, { cand: [`a${typeof value === "string" ? value : ""}`, "b", "c"], ctx: { value, [`${value}`]: 1 } }),
  );
  const clicks = texts.map((text, n) => writeEvent(exampleEvent({ id: idOf(n), item: `a${text}` })));
  writeFileSync(path, [...lines, ...clicks].join("\n"));
  await using log = await ExperimentLog.open([path], { contextFields: ["value"] });
  expect(log.counts).toMatchObject({ bad: 0, exposures: texts.length + 1, events: texts.length });
  const loss = await makeWholeCohort(log.lines);
  expect(loss).toEqual({ events: texts.length, foreign: 0, late: 0 });
});

test("a line that the schema refuses in what is counted is no line here either, and the other way round", async () => {
  // The members that SQL checks, with values that one or the other might take for right.
  const values = [
    null,
    true,
    0,
    -1,
    1.5,
    1e300,
    1e-300,
    2 ** -33,
    2 ** -32,
    "",
    "0f1e2d3c",
    "0123456789abcdef",
    "l".repeat(129),
    {},
    [],
    "arm",
    "click",
    [1],
  ];
  const whole = exampleExposure(3);
  const names = ["v", "id", "t", "x", "phase", "arm", "b", "u", "list", "served", "keep"] as const;
  // Numbers as other programs write them.
  const numbers = ["1.0", "1e0", "10e-1", "-0", "5.5", "1e400", "-1e400", "NaN", "12345678901234567890"];
  const texts = [...values.map((value) => JSON.stringify(value)), ...numbers];
  const written = names.flatMap((name) => texts.map((text) => [name, text] as const));
  const cases = written.map(([name, text], n) => {
    const line = { ...whole, id: idOf(n) };
    return JSON.stringify(line).replace(`"${name}":${JSON.stringify(line[name])}`, `"${name}":${text}`);
  });
  const path = join(folder, "members.jsonl");
  writeFileSync(path, cases.join("\n"));
  await using log = await ExperimentLog.open([path]);
  const bad = await log.badLines(cases.length);
  // A line that the schema takes has another text for its problem.
  expect(bad.filter(({ problem }) => problem.includes("expected another")).map(({ problem }) => problem)).toEqual([]);
  const good = await log.lines.rows<{ row: number }>("SELECT row FROM exposure");
  const refused = good.filter(({ row }) => {
    try {
      parseExposure(cases[row - 1] ?? "");
      return false;
    } catch {
      return true;
    }
  });
  expect(refused.map(({ row }) => cases[row - 1])).toEqual([]);
  expect(good.length + bad.length).toBe(cases.length);
});

describe("a file that grows while it is read", () => {
  const grown = async (name: string, age: number) => {
    const [events, exposures] = ["a", "b"].map((file) => join(folder, `${name}-${file}.ndjson`)) as [string, string];
    writeFileSync(events, `${event(1)}\n`);
    writeFileSync(exposures, `${[exposure(2, { cand: ["x", "y", "z"] }), exposure(1)].join("\n")}\n`);
    const then = Date.now() / 1000 - age;
    for (const file of [events, exposures]) utimesSync(file, then, then);
    const log = await ExperimentLog.open([events, exposures]);
    appendFileSync(events, `${event(2)}\n`);
    return { log, events };
  };

  test("is read as it was at first, where it was written not long ago", async () => {
    const { log } = await grown("new", 0);
    await using _ = log;
    // A line more in the first file moves the number of each line of the second.
    expect(await makeWholeCohort(log.lines)).toEqual({ events: 1, foreign: 0, late: 0 });
    expect(() => log.lines.checkUnchanged()).not.toThrow();
  });

  test("is an error elsewhere", async () => {
    const { log, events } = await grown("old", 7200);
    await using _ = log;
    const message = `${events}: got a file that changed while it was read, expected one that stays: run it again`;
    expect(() => log.lines.checkUnchanged()).toThrow(message);
  });
});

test("what cannot be read twice is no log", async () => {
  const twice = ExperimentLog.open(["/dev/null"]);
  await expect(twice).rejects.toThrow("/dev/null: got a device, expected a file that can be read twice");
});

test.each([
  [[], "nothing.jsonl", "nothing.jsonl"],
  [[["empty.jsonl", ""]], "", "got empty files"],
  [[["notes.txt", "a"]], "", "got no log in this folder"],
] as const)("a path without a log is an error: %j", async (files, name, message) => {
  const own = mkdtempSync(join(folder, "none-"));
  for (const [file, text] of files) writeFileSync(join(own, file), text);
  await expect(ExperimentLog.open([join(own, name)])).rejects.toThrow(message);
});
