import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
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

/** Enough records that reading them takes as long as a key press. */
const RECORDS = 100_000;
const rows = Array.from({ length: RECORDS }, (_, i) => `${i % 3 === 0 ? 1 : 0},u${i % 500}`).join("\n");
const log = folder.file("log.csv", `label,user\n${rows}\n`);
const broken = folder.file("broken.csv", `label,user\n${rows}\nmaybe,u1\n`);
const clicks = folder.file("clicks.csv", "click,site,price\n1,a,2\n");
folder.file("train.txt", `1${"\t1".repeat(13)}${"\ta".repeat(26)}\n`.repeat(40_000));

/** A server that takes requests and never answers. */
let silent: Server;
beforeAll(async () => {
  silent = createServer(() => {});
  await once(silent.listen(0, "127.0.0.1"), "listening");
  await saveGoldenExport(`${folder.path}/export`, "pnn");
});
afterAll(() => {
  silent.closeAllConnections();
  silent.close();
});

const HIDE_CURSOR = "\x1b[?25l";
const WRAP_OFF = "\x1b[?7l";
const WRAP_ON = "\x1b[?7h";

function terminal(columns: number, args: readonly string[], shell?: string): Terminal {
  return new Terminal(folder.path, columns, [process.execPath, CLI, ...args], shell);
}

const LOGS = ["--train", log, "--valid", log];
const train = (name: string): string[] => ["train", spec, ...LOGS, "--out", name, "--backend", "cpu"];
const compare = ["compare", spec, ...LOGS, "--test", log, "--models", "LR", "--seeds", "1", "--out", "compare"];

const study = [
  ...["study", spec, "--over", "depth", ...LOGS, "--test", log],
  ...["--models", "DeepFM", "--seeds", "1", "--out", "study"],
];
const space = folder.file(
  "space.json",
  JSON.stringify({ parameters: { "training.learningRate": { type: "log-uniform", low: 1e-4, high: 0.1 } } }),
);

/** Each command that has a bar of its own, and what its first bar says. */
const COMMANDS: [name: string, bar: string, args: () => string[]][] = [
  ["generate", "generate", () => ["generate", "generated", "--rows", "2000000"]],
  ["recipe", "train", () => ["recipe", "criteo", "--from", ".", "--out", "criteo"]],
  ["train", "read", () => train("run")],
  ["compare", "1 of 1: LR, seed 1: read", () => compare],
  ["study", "seed 1: read", () => study],
  ["tune", "read", () => ["tune", spec, ...LOGS, "--space", space, "--trials", "1", "--out", "tune"]],
  ["start", "generate", () => ["start", "--rows", "2000000", "--out", "start"]],
  ["publish", "publish", () => ["publish", "export", "--persist-to", "kv"]],
  [
    "evaluate",
    "score over HTTP",
    () => {
      const { port } = silent.address() as AddressInfo;
      return ["evaluate", `http://127.0.0.1:${port}`, "--export", "export", "--test", clicks];
    },
  ],
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
    using command = terminal(70, train("checkpoint"));
    await command.shows(/epoch 1 .*records/);
    command.kill("SIGTERM");
    const { code, printed } = await command.end();
    expect(code).toBe(143);
    expect(printed).not.toContain(HIDE_CURSOR);
    expect(screen(printed, 70).join("").trim()).toMatch(
      /error: stopped by SIGTERM; --resume goes on from checkpoint\/checkpoint\.safetensors$/,
    );
  });

  it("shows the whole message of an error in the middle of a bar, and nothing of the bar", async () => {
    using command = terminal(70, [
      "train",
      spec,
      "--train",
      broken,
      "--valid",
      log,
      "--out",
      "broken",
      "--backend",
      "cpu",
    ]);
    const { code, printed } = await command.end();
    expect(code).toBe(1);
    expect(printed).toMatch(/read .*records/);
    expect(screen(printed, 70).slice(1).join("").trim()).toBe(
      `error: broken.csv, line ${RECORDS + 2}: column label: got "maybe", expected a label of 0 or 1`,
    );
  });

  it("keeps a bar to one line of a narrow terminal, and of one that becomes narrower", async () => {
    using command = terminal(24, ["generate", "narrow", "--rows", "200000"]);
    await command.shows(/generate/);
    command.resize(12);
    const { code, printed } = await command.end();
    expect(code).toBe(0);
    const bars = printed.split(WRAP_OFF).slice(1);
    const lengths = bars.map((text) => text.indexOf(WRAP_ON));
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
