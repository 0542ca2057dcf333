import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { saveGoldenExport } from "../deploy/golden-export.ts";
import { CommandFolder, SPEC } from "./cli-process.ts";
import { CTRL_C, NO_TERMINAL, screen, Terminal } from "./terminal.ts";

// A bar in a real terminal must not outlive its task, hide a message or the cursor, or keep the command from ending,
// however the task ends.

const folder = new CommandFolder();
afterAll(() => folder[Symbol.dispose]());
const CLI = fileURLToPath(new URL("../../cli/bin.js", import.meta.url));
const spec = folder.file("spec.json", JSON.stringify({ ...SPEC, model: { type: "LR" } }));

/** Enough records that an epoch of them takes as long as a signal. */
const RECORDS = 100_000;
const rows = Array.from({ length: RECORDS }, (_, i) => `${i % 3 === 0 ? 1 : 0},u${i % 500}`).join("\n");
const log = folder.file("log.csv", `label,user\n${rows}\n`);
/** Nobody reads it to its end: a command that does takes many times as long as a key press on a busy machine. */
const long = folder.file("long.csv", `label,user\n${`${rows}\n`.repeat(20)}`);
const clicks = folder.file("clicks.csv", "click,site,price\n1,a,2\n");

/** The record of the log `late` that is wrong: bars are on the screen before it is met. */
const WRONG = 30_000;
const late = folder.file("late.csv", `label,user\n${rows.split("\n", WRONG - 1).join("\n")}\nmaybe,u1\n`);
const lateClicks = folder.file("late-clicks.csv", `click,site,price\n${"1,a,2\n".repeat(WRONG - 1)}maybe,a,2\n`);
const place = (file: string): string => `${file}, line ${WRONG + 1}`;
/** Criteo's file as `recipe` takes it, with a cell too few in a line. */
const criteo = `1${"\t1".repeat(13)}${"\ta".repeat(26)}\n`;
folder.file("train.txt", criteo.repeat(400_000));
mkdirSync(`${folder.path}/late`);
folder.file("late/train.txt", `${criteo.repeat(WRONG)}1\t1\n${criteo}`);
const towers = folder.file(
  "towers.json",
  JSON.stringify({
    name: "towers",
    fields: [
      { name: "user", type: "categorical" },
      { name: "item", type: "categorical", side: "item", servedAs: "given" },
    ],
    data: { select: { item: "user" } },
    model: { type: "two-tower", embeddingDim: 2, hidden: [2] },
    training: { maxEpochs: 1 },
  }),
);

/** A server that takes requests and never answers, and one that gives each record the same score. */
let silent: Server;
let answering: Server;
beforeAll(async () => {
  silent = createServer(() => {});
  answering = createServer(async (request, response) => {
    const { records } = JSON.parse(String(await buffer(request)));
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ scores: records.map(() => 0.5), model: "tiny", version: "0".repeat(64) }));
  });
  for (const server of [silent, answering]) await once(server.listen(0, "127.0.0.1"), "listening");
  await saveGoldenExport(`${folder.path}/export`, "pnn");
  // What `export` and `retrieve` need.
  const small = folder.file("small.csv", `label,user\n${rows.slice(0, 4000)}\n`);
  for (const [name, of] of [
    ["trained", spec],
    ["tower-run", towers],
  ] as const)
    await folder.run("train", of, "--train", small, "--valid", small, "--out", name, "--backend", "cpu");
});
afterAll(() => {
  for (const server of [silent, answering]) {
    server.closeAllConnections();
    server.close();
  }
});

function address(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const HIDE_CURSOR = "\x1b[?25l";
const WRAP_OFF = "\x1b[?7l";
const WRAP_ON = "\x1b[?7h";

/** The characters of each bar that was printed to its end. */
function barLengths(printed: string): number[] {
  const bars = printed.split(WRAP_OFF).slice(1);
  return bars.map((text) => text.indexOf(WRAP_ON)).filter((length) => length >= 0);
}

function terminal(columns: number, args: readonly string[], shell?: string): Terminal {
  return new Terminal(folder.path, columns, [process.execPath, CLI, ...args], shell);
}

/** The logs of a command that is to read them, which it does not where another one has. */
const logs = (name: string): string[] => ["--train", long, "--valid", long, "--cache", `cache-${name}`];
const train = (name: string, ...own: string[]): string[] => ["train", spec, ...own, "--out", name, "--backend", "cpu"];
const compare = ["compare", spec, ...logs("compare"), "--test", long, "--models", "LR", "--seeds", "1"];
const study = [
  "study",
  spec,
  "--over",
  "depth",
  ...logs("study"),
  "--test",
  long,
  "--models",
  "DeepFM",
  "--seeds",
  "1",
];
const space = folder.file(
  "space.json",
  JSON.stringify({ parameters: { "training.learningRate": { type: "log-uniform", low: 1e-4, high: 0.1 } } }),
);

/** Each command that has a bar of its own, and what its first bar says. */
const COMMANDS: [name: string, bar: string, args: () => string[]][] = [
  ["generate", "generate", () => ["generate", "generated", "--rows", "2000000"]],
  ["recipe", "train", () => ["recipe", "criteo", "--from", ".", "--out", "criteo"]],
  ["init", "read", () => ["init", long, "--yes", "--out", "init.json"]],
  ["train", "read", () => train("run", ...logs("train"))],
  ["compare", "1 of 1: LR, seed 1: read", () => [...compare, "--out", "compare"]],
  ["study", "read", () => [...study, "--out", "study"]],
  ["tune", "read", () => ["tune", spec, ...logs("tune"), "--space", space, "--trials", "1", "--out", "tune"]],
  ["start", "generate", () => ["start", "--rows", "2000000", "--out", "start"]],
  ["publish", "publish", () => ["publish", "export", "--persist-to", "kv"]],
  ["evaluate", "score over HTTP", () => ["evaluate", address(silent), "--export", "export", "--test", clicks]],
  ["export", "parity", () => ["export", "trained", "--records", long, "--out", "exported"]],
  ["retrieve", "read", () => ["retrieve", "tower-run", ...logs("retrieve"), "--test", long]],
];

const lateTrain = ["--train", late, "--valid", log];
/** Each command that reads a log, with one that is wrong at a late record, and what it says. */
const LATE_ERRORS: [name: string, args: () => string[], says: string][] = [
  ["train", () => ["train", spec, ...lateTrain, "--out", "late-train"], late],
  [
    "compare",
    () => ["compare", spec, ...lateTrain, "--test", log, "--models", "LR", "--seeds", "1", "--out", "lc"],
    late,
  ],
  [
    "study",
    () => ["study", spec, "--over", "depth", ...lateTrain, "--test", log, "--models", "DeepFM", "--out", "ls"],
    late,
  ],
  ["tune", () => ["tune", spec, ...lateTrain, "--space", space, "--trials", "1", "--out", "lt"], late],
  ["start", () => ["start", "--spec", spec, ...lateTrain, "--test", log, "--out", "late-start"], late],
  ["export", () => ["export", "trained", "--records", late, "--out", "late-export"], late],
  ["retrieve", () => ["retrieve", "tower-run", ...lateTrain, "--test", log], late],
  ["evaluate", () => ["evaluate", address(answering), "--export", "export", "--test", lateClicks], lateClicks],
];

describe.skipIf(NO_TERMINAL !== null)(`in a terminal${NO_TERMINAL ? `: skipped, ${NO_TERMINAL}` : ""}`, () => {
  it.each(COMMANDS)("%s ends at Ctrl-C in the middle of its bar", async (_, bar, args) => {
    using command = terminal(70, args());
    await command.shows(new RegExp(`${bar} .*(records|rows|keys)`));
    command.press(CTRL_C);
    const { code, printed } = await command.end();
    expect(code).toBe(130);
    expect(printed).not.toContain(HIDE_CURSOR);
    expect(printed).not.toMatch(/^ {4}at /m);
  });

  it("a training ends at SIGTERM with a checkpoint", async () => {
    using command = terminal(70, train("checkpoint", "--train", log, "--valid", log));
    await command.shows(/epoch 1 .*records/);
    command.kill("SIGTERM");
    const { code, printed } = await command.end();
    expect(code).toBe(143);
    expect(printed).not.toContain(HIDE_CURSOR);
    expect(screen(printed, 70).join("").trim()).toMatch(
      /error: stopped by SIGTERM; --resume goes on from checkpoint\/checkpoint\.safetensors$/,
    );
  });

  it.each(LATE_ERRORS)(
    "%s shows the whole message of an error in the middle of its bar, and ends",
    async (name, args, file) => {
      const column = name === "evaluate" ? "click" : "label";
      using command = terminal(70, args());
      const { code, printed } = await command.end();
      expect(code).toBe(1);
      expect(printed).toMatch(/(records|keys)/);
      expect(screen(printed, 70).join("").trim()).toMatch(
        new RegExp(`error: ${place(file)}: column ${column}: got "maybe", expected a label of 0 or 1$`),
      );
    },
  );

  it("recipe shows the whole message of an error in the middle of its bar, and ends", async () => {
    using command = terminal(70, ["recipe", "criteo", "--from", "late", "--out", "late-criteo"]);
    const { code, printed } = await command.end();
    expect(code).toBe(1);
    expect(screen(printed, 70).join("").trim()).toMatch(
      new RegExp(`error: late/train\\.txt, line ${WRONG + 1}: got 2 columns, expected 40$`),
    );
  });

  it("keeps a bar to one line of a narrow terminal, and of one that becomes narrower", async () => {
    using command = terminal(24, ["generate", "narrow", "--rows", "2000000"]);
    await command.shows(/generate/);
    command.resize(12);
    await command.shows((printed) => barLengths(printed).at(-1) === 11);
    command.press(CTRL_C);
    const { code, printed } = await command.end();
    expect(code).toBe(130);
    const lengths = barLengths(printed);
    expect(Math.max(...lengths)).toBe(23);
    expect(Math.min(...lengths)).toBe(11);
  });

  it("goes on where whoever reads its output has gone", async () => {
    using command = terminal(70, ["generate", "piped", "--rows", "30000"], "2>&1 >/dev/null | head -c 1; ls piped");
    const { code, printed } = await command.end();
    expect(code).toBe(0);
    expect(printed).toContain("test.csv");
    expect(printed).not.toMatch(/EPIPE|Error/);
  });
});

describe("screen", () => {
  it("has what a terminal shows", () => {
    expect(screen("abcdef", 4)).toEqual(["abcd", "ef"]);
    expect(screen("\x1b[?7labcdef\x1b[?7h\rx", 4)).toEqual(["xbcf"]);
    expect(screen("one\r\ntwo\x1b[1A\r\x1b[Jthree", 9)).toEqual(["three"]);
    expect(() => screen("\x1b[?25l", 9)).toThrow("an unknown escape sequence");
  });
});
