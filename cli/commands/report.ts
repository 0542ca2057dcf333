import { resolve } from "node:path";
import type { Command } from "commander";
import { counted } from "../../format/counted.ts";
import { pageResult } from "../../lab/report/page.ts";
import { runsReport } from "../../lab/report/runs-report.ts";
import { metricsTable, type RunsTable, settingsTable, unlikeLogs } from "../../lab/report/runs-table.ts";
import { readRuns } from "../../lab/report/saved-run.ts";
import { writeResult } from "../../trainer/io/result-file.ts";
import { fileToWrite } from "../../trainer/terminal/path-option.ts";
import { table } from "../../trainer/terminal/table.ts";
import { warn } from "../../trainer/terminal/warning.ts";

const PAGE = pageResult("report");

/** More runs than these stand below each other in a terminal, and not side by side. */
const MOST_COLUMNS = 5;

export function defineReport(command: Command): void {
  command
    .argument("<run...>", "folders that `train` saved; also that of a training that goes on")
    .option("--out <file>", "where to write the page", fileToWrite(PAGE), "runs/report.html")
    .action(async (folders: string[], { out }: { out: string }) => {
      const runs = await readRuns([...new Map(folders.map((folder) => [resolve(folder), folder])).values()]);
      writeResult(out, await runsReport(runs), PAGE);
      unlikeLogs(runs).forEach(warn);
      console.log(tableText(metricsTable(runs)));
      const settings = settingsTable(runs);
      if (settings.rows.length > 0) console.log(tableText(settings));
      console.log(`${counted(runs.length, "run")}, ${out}`);
    });
}

/** A table with a column for each run, or with a line for each where there are many. */
function tableText({ head, rows }: RunsTable): string {
  if (head.length - 1 <= MOST_COLUMNS) return table(head, rows);
  const [first = "", ...names] = head;
  return table(
    [first, ...rows.map(([name = ""]) => name)],
    names.map((name, i) => [name, ...rows.map((row) => row[i + 1] ?? "")]),
  );
}
