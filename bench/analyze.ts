// What `experiment analyze` says of logs whose losses are known, and what it takes: logs of two arms with 50,000 units
// each, of which nothing, 3 % of one arm's units, 3 % of one arm's lines, or 3 % of the lines of both are lost. The
// last log has lists of 100 candidates with their logits, as a Worker writes them.
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parsePolicy } from "../format/policy.ts";
import { analyzeExperiment } from "../lab/analysis/experiment/analyze.ts";
import { parsePlan } from "../lab/analysis/experiment/plan.ts";
import { pText } from "../lab/report/experiment-tables.ts";
import { type GeneratedArm, type GeneratedLog, generatedLines } from "../testing/experiments/generated-log.ts";
import { WholeFile } from "../trainer/io/files.ts";
import { integerWithin } from "../trainer/terminal/number-option.ts";
import { table } from "../trainer/terminal/table.ts";
import { benchOptions, option } from "./options.ts";

const { units, lists: wholeLists } = benchOptions({
  "--units <n>": option("units of both arms", integerWithin(1, 1e8), 100_000),
  "--lists <n>": option("lists of the last log", integerWithin(1, 1e8), 10_000),
});

const small: Omit<GeneratedLog, "arms"> = { seed: 1, units, evenly: true, candidates: 3, mostLists: 2 };
const arms = (control: Partial<GeneratedArm>, treatment: Partial<GeneratedArm>): GeneratedArm[] => [
  { name: "origin", policy: null, ...control },
  { name: "b", policy: null, clickFactor: 1.1, ...treatment },
];
const explore = parsePolicy({ policy: "plackett-luce", temperature: 1, k: 10 });
const cases: [string, GeneratedLog][] = [
  ["nothing is lost", { ...small, arms: arms({}, {}) }],
  ["3 % of one arm's units", { ...small, arms: arms({}, { lostUnits: 0.03 }) }],
  ["3 % of one arm's lines", { ...small, arms: arms({}, { lostLines: 0.03 }) }],
  ["3 % of all lines", { ...small, arms: arms({ lostLines: 0.03 }, { lostLines: 0.03 }) }],
  [
    "100 candidates with logits",
    {
      ...{ seed: 1, units: Math.ceil(wholeLists / 2), candidates: 100, mostLists: 3, evenly: true },
      arms: arms({ policy: explore, skill: 0.3 }, { policy: explore, skill: 0.9, clickFactor: 1 }),
    },
  ],
];

const rows: string[][] = [];
for (const [name, settings] of cases) {
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-bench-"));
  try {
    const path = join(folder, "log.jsonl");
    using file = new WholeFile(path);
    // Many lines a write: a system call for each would take longer than to make them.
    let lines: string[] = [];
    const flush = (): void => {
      file.write(lines.map((line) => `${line}\n`).join(""));
      lines = [];
    };
    for (const line of generatedLines(settings)) if (lines.push(line) >= 5000) flush();
    flush();
    file.finish();
    const start = process.cpuUsage();
    const plan = parsePlan({ weights: { origin: 1, b: 1 }, plannedUnits: settings.units });
    const { phases, log } = await analyzeExperiment({ logs: [folder], plan, inSpiteOfMismatch: true });
    const { user, system } = process.cpuUsage(start);
    const { soundness, metrics } = phases[0] ?? {};
    const { low, high } = metrics?.[0]?.comparisons[0]?.raw.lift.sequential ?? {};
    const percent = (share: number | null | undefined): string => (100 * (share ?? Number.NaN)).toFixed(1);
    rows.push([
      ...[name, String(log.lines), (statSync(path).size / 1e6).toFixed(0)],
      ...[pText(soundness?.ratio?.p), pText(soundness?.sequentialP), pText(soundness?.listsPerUnit[1]?.p)],
      ...[soundness?.sound ? "yes" : "no", `${percent(low)} to ${percent(high)} %`],
      ((user + system) / 1e6).toFixed(1),
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
const tests = ["χ², p", "at any look, p", "lists a unit, p"];
console.log(`Logs of two arms with ${units} units, and a lift of 10 % but in the last one`);
console.log(table(["lost", "lines", "MB", ...tests, "sound", "95 % of the lift", "processor s"], rows));
