import { expect, it } from "vitest";
import { ClickLog } from "../../../trainer/data/click-log.ts";
import { unscaledWarnings } from "../../../trainer/data/unscaled.ts";
import { specOf, testFolder, writerInto } from "./log-files.ts";

const folder = testFolder("unscaled");
const file = writerInto(folder);

async function warningsOf(encoding: object | undefined, numbers: readonly number[]): Promise<string[]> {
  const path = file("log.csv", `n,label\n${numbers.map((x) => `${x},1\n`).join("")}`);
  const spec = specOf({ fields: [{ name: "n", type: "numeric", ...(encoding && { encoding }) }] });
  await using log = await ClickLog.open(path, { data: spec.data, label: spec.label });
  return (await unscaledWarnings(spec, log)).map((text) => text.replace(path, "LOG"));
}

it("warns of unscaled numbers that are large, with their spread and what to write", async () => {
  expect(await warningsOf({ kind: "value" }, [0, 0, 30_000])).toEqual([
    "LOG: column n is encoded as its unscaled value, with numbers from 0 to 30000 and a standard deviation of 14142.1, " +
      'so training may diverge: write "encoding": {"kind": "spline"}, or {"kind": "value", "scale": "standard"}',
  ]);
  expect(await warningsOf({ kind: "value" }, [1995, 1996])).toHaveLength(1);
});

it.each<[string, object | undefined, readonly number[]]>([
  ["that are small", { kind: "value" }, [1, 5, 3]],
  ["that are scaled", { kind: "value", scale: "standard" }, [0, 30_000]],
  ["of the default encoding", undefined, [0, 30_000]],
])("does not warn of numbers %s", async (_name, encoding, numbers) => {
  expect(await warningsOf(encoding, numbers)).toEqual([]);
});
