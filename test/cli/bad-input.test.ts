import { existsSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { CommandFolder, LOG, SPEC } from "./cli-process.ts";

const folder = new CommandFolder();
afterAll(() => folder[Symbol.dispose]());
const spec = folder.file("spec.json", JSON.stringify(SPEC));
const good = folder.file("good.csv", LOG);

describe("bad input: one line that names the place, exit code 1, nothing written", () => {
  const unknownKey = folder.file("unknown-key.json", JSON.stringify({ ...SPEC, feilds: [] }));
  const notJson = folder.file("not-json.json", "{");
  const noLabel = folder.file("no-label.csv", "click,user\n1,a\n");
  const badLabel = folder.file("bad-label.csv", "label,user\n1,a\n2,b\n");
  const noRecord = folder.file("no-record.csv", "label,user\n");
  const clicks = folder.file("clicks.csv", "label,user\n1,a\n1,b\n");
  const ages = folder.file("ages.csv", "label,user,age\n1,a,7\n0,b,8\n");
  const weights = folder.file("weights.csv", "label,user,w\n1,a,2\n0,b,1\n");
  const aged = folder.file(
    "aged.json",
    JSON.stringify({ ...SPEC, fields: [...SPEC.fields, { name: "age", type: "numeric" }] }),
  );
  const weighed = folder.file("weighed.json", JSON.stringify({ ...SPEC, data: { weight: "w" } }));
  symlinkSync("loop", join(folder.path, "loop"));
  symlinkSync("nothing", join(folder.path, "dangling"));
  symlinkSync("good.csv", join(folder.path, "same.csv"));
  const train = (specFile: string, log: string, ...more: string[]) => [
    "train",
    specFile,
    "--train",
    log,
    "--valid",
    good,
    "--out",
    "bad",
    ...more,
  ];
  it.each<[string, string[], string]>([
    ["a spec with an unknown key", train(unknownKey, good), "error: unknown-key.json: feilds: unknown key"],
    ["a spec that is not JSON", train(notJson, good), "error: not-json.json: not JSON"],
    ["a spec that is not there", train("absent.json", good), "error: absent.json: no such file"],
    [
      "a log without the label column",
      train(spec, noLabel),
      'error: no-label.csv: no column "label"; got "click", "user"',
    ],
    [
      "a label of 2",
      train(spec, badLabel),
      'error: bad-label.csv, line 3: column label: got "2", expected a label of 0 or 1',
    ],
    ...[
      ["inspect", "loop"],
      ["experiment", "analyze", "--logs", "loop"],
      ["experiment", "analyze", "--logs", good, "--html", "loop"],
    ].map((args): [string, string[], string] => [`a link to itself: ${args.join(" ")}`, args, "error: loop: "]),
    ...[
      ["a JSON file in place of the log", train(spec, good, "--json", good)],
      ["a JSON file in place of the log, by another path", train(spec, "g*.csv", "--json", "./same.csv")],
      ["a JSON file in place of the spec", ["tune", spec, "--quick", "--data", "absent.csv", "--json", "./spec.json"]],
      ["a spec in place of the log", ["init", good, "--out", good, "--force"]],
    ].map(([name, args]): [string, string[], string] => [
      name as string,
      args as string[],
      ", which is read, as the file to write, expected another",
    ]),
    [
      "a JSON file below a file",
      train(spec, good, "--json", "good.csv/out.json"),
      "good.csv is a file, where a folder",
    ],
    [
      "a JSON file in place of a device",
      train(spec, good, "--json", "/dev/null"),
      "error: /dev/null: not written: got",
    ],
    ["a JSON file of too long a name", train(spec, good, "--json", "x".repeat(300)), "; choose a shorter path"],
    [
      "a folder in place of a link to nothing",
      train(spec, good, "--out", "dangling"),
      "; a link to nothing has this name",
    ],
    ["a log that is not there", train(spec, "absent.csv"), "error: absent.csv: no such file"],
    ["a test log that is not there", train(spec, good, "--test", "absent.csv"), "error: absent.csv: no such file"],
    [
      "a test log without a record",
      train(spec, good, "--test", noRecord),
      "error: no-record.csv: got no rows, expected",
    ],
    ...["train", "compare"].map((command): [string, string[], string] => [
      `${command}, with a test log without the column of a number`,
      [
        command,
        aged,
        "--train",
        ages,
        "--valid",
        ages,
        "--test",
        weights,
        "--out",
        command === "train" ? "bad" : "sweep",
      ],
      'error: weights.csv: no column "age"; got "label", "user", "w"',
    ]),
    [
      "a test log without the column of weights",
      ["train", weighed, "--train", weights, "--valid", weights, "--test", ages, "--out", "bad"],
      'error: ages.csv: no column "w"; got "label", "user", "age"',
    ],
    ["a log of clicks alone", train(spec, clicks), "error: clicks.csv: column label: got 1 in all 2 records"],
    [
      "a group that is no column",
      train(spec, good, "--group", "session"),
      'error: good.csv: no column "session"; got "label", "user"',
    ],
    ...["0", "1.5", "65", "100000"].map(
      (threads) =>
        [
          `--threads ${threads}`,
          train(spec, good, "--threads", threads),
          `got ${threads}, expected an integer of 1 to 64`,
        ] as [string, string[], string],
    ),
    [
      "threads of TensorFlow.js",
      train(spec, good, "--threads", "2", "--backend", "wasm"),
      "got --threads 2 for TensorFlow",
    ],
    ["a backend that does not exist", train(spec, good, "--backend", "abacus"), "argument 'abacus' is invalid"],
    [
      "a recipe for nothing",
      ["recipe", "criteo", "--from", "nowhere", "--out", "bad"],
      "error: nowhere: got none of train.txt",
    ],
    [
      "a run that is not there",
      ["export", "nowhere"],
      "error: nowhere/model.safetensors: no such file; expected the folder that `train` wrote",
    ],
    ...["inspect", "plan"].map((command): [string, string[], string] => [
      `a folder that is neither a run nor an export: ${command}`,
      [command, "."],
      "error: export.json: no such file; expected the folder that `train` or `export` wrote",
    ]),
    ["an export that is not there", ["publish", "nowhere"], "error: nowhere/export.json: no such file"],
    ["an empty argument", ["publish", ""], "error: <export>: got an empty text, expected a name"],
    ["an empty folder", train(spec, good, "--out", ""), "error: --out <folder>: got an empty text, expected a name"],
    ["an empty store", ["models", "--folder", ""], "error: --folder <folder>: got an empty text, expected a name"],
    ["an empty path", train(spec, ""), "error: --train <path...>: got an empty text, expected a name"],
    ["rows of which no tenth is one", ["start", "--rows", "9", "--out", "bad"], "got 9, expected an integer of 10 to"],
    ["more rows than there is room for", ["generate", "bad", "--rows", "9999999999"], "got 9999999999, expected an"],
    ["a hexadecimal number", ["prune", "--keep", "0x10"], "got 0x10, expected an integer of 0 to 100"],
    ["a number with a blank", ["prune", "--keep", " 5"], "got  5, expected an integer of 0 to 100"],
    ["a count with a blank", train(spec, good, "--at", " 5"), "got  5, expected a positive integer"],
    [
      "more seeds than end",
      ["compare", spec, "--data", good, "--seeds", "1001"],
      "got 1001, expected an integer of 1 to",
    ],
    ["more trials than end", ["tune", spec, "--data", good, "--trials", "1e9"], "got 1e9, expected an integer of 1 to"],
    ["a count of none", train(spec, good, "--at", "0"), "got 0, expected a positive integer"],
    ["a count with a part", train(spec, good, "--at", "1.5"), "got 1.5, expected a positive integer"],
    ["no number", train(spec, good, "--checkpoint-every", ""), "got , expected a number of minutes"],
    ["minutes without an end", train(spec, good, "--checkpoint-every", "Infinity"), "got Infinity, expected a number"],
    ["a name with a path", ["verify", "../x", "--folder", "."], 'error: model: got "../x", expected a-z, 0-9'],
    ["the file of all pages of KV", ["verify", "ads", "--packed"], "error: --packed: got no --folder, expected one"],
    [
      "a count that is not a number",
      ["generate", "log", "--rows", "many"],
      "got many, expected an integer of 10 to 1000000000",
    ],
  ])("%s", async (_, args, problem) => {
    const { code, stdout, stderr } = await folder.run(...args);
    expect(stderr).toContain(problem);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stdout).toBe("");
    expect(code).toBe(1);
    expect(existsSync(join(folder.path, "bad"))).toBe(false);
  });
});

it("a spec may begin with a byte order mark, and a count have an exponent", async () => {
  const marked = folder.file("marked.json", `\ufeff${JSON.stringify({ ...SPEC, feilds: [] })}`);
  const { stderr } = await folder.run("train", marked, "--data", good, "--at", "1e1", "--out", "bad");
  expect(stderr).toBe('error: marked.json: feilds: unknown key, expected "fields"\n');
});
