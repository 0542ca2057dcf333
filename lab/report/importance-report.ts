import { counted } from "../../format/counted.ts";
import type { ColumnImportance, Importance, Loss } from "../../trainer/evaluation/importance.ts";
import { fixed, precise } from "../../trainer/metrics/evaluation.ts";
import { chart } from "./chart.ts";
import { LABEL_ROOM, shortened } from "./label.ts";
import { ACCENT, type Figure, figures, longTable, note, type Section } from "./page.ts";

/** How many columns the figures show: the most important ones. */
const SHOWN_COLUMNS = 20;

/** Fewer clicks than these rank columns by chance. */
const LEAST_CLICKS = 20;

/** The importance of each column as a table: its head and its rows. Fields are named where they are not the columns. */
export function importanceTable({ columns }: Importance): { head: string[]; rows: string[][] } {
  const named = columns.some(({ name, fields }) => fields.length > 1 || fields[0] !== name);
  return {
    head: ["column", "AUC lost", "95 % interval", "logloss added", "95 % interval", ...(named ? ["fields"] : [])],
    rows: columns.map(({ name, fields, auc, logloss }) => [
      name,
      ...[fixed(auc.mean, 5), lossInterval(auc)],
      ...[precise(logloss.mean, 5), lossInterval(logloss)],
      ...(named ? [fields.join(", ")] : []),
    ]),
  };
}

function lossInterval({ low, high }: Loss): string {
  return Number.isFinite(low) ? `${precise(low, 5)} to ${precise(high, 5)}` : "–";
}

/** What was done to how many records. */
export function importanceText({ records, clicks, of, repeats }: Importance, log: string): string {
  const count = (x: number): string => x.toLocaleString("en");
  const sample =
    records === of ? `all ${count(records)} records` : `a sample of ${count(records)} of ${count(of)} records`;
  const few = clicks < LEAST_CLICKS ? ` With fewer than ${LEAST_CLICKS} clicks the order is mostly chance.` : "";
  return (
    `What the model loses on ${log} when a column's values are exchanged between records, ${counted(repeats, "time")}, ` +
    `on ${sample} with ${counted(clicks, "click")}. Columns that say the same hide each other.${few}`
  );
}

export async function importanceSection(importance: Importance, log: string): Promise<Section> {
  const list: Figure[] = [];
  if (Number.isFinite(importance.metrics.auc)) list.push(await lossFigure("AUC lost", importance, ({ auc }) => auc));
  list.push(await lossFigure("Logloss added", importance, ({ logloss }) => logloss));
  const { head, rows } = importanceTable(importance);
  const table = longTable(head, rows, "Importance of columns", [5]);
  return { title: "Importance of columns", html: note(importanceText(importance, log)) + figures(list) + table };
}

async function lossFigure(
  title: string,
  { columns }: Importance,
  of: (column: ColumnImportance) => Loss,
): Promise<Figure> {
  const ranked = columns.toSorted((a, b) => of(b).mean - of(a).mean).slice(0, SHOWN_COLUMNS);
  const values = ranked.map((column, rank) => ({ rank, label: shortened(column.name), ...of(column) }));
  const y = { field: "rank", type: "ordinal", sort: null, axis: null } as const;
  const x = { type: "quantitative", title: null, axis: { grid: true, tickCount: 4 } } as const;
  const texts = ranked.map((column) => `${column.name} ${precise(of(column).mean, 5)}`);
  const svg = await chart(
    [
      {
        data: { values },
        mark: { type: "text", align: "right", baseline: "middle", fontSize: 11, fill: "var(--muted)" },
        encoding: { y, x: { value: -8 }, text: { field: "label" } },
      },
      {
        data: { values },
        mark: { type: "bar", fill: ACCENT, fillOpacity: 0.75, height: { band: 0.6 } },
        encoding: { y, x: { field: "mean", ...x } },
      },
      {
        data: { values },
        mark: { type: "rule", stroke: "var(--ink)", strokeWidth: 1.5 },
        encoding: { y, x: { field: "low", ...x }, x2: { field: "high" } },
      },
    ],
    {
      description: `${title} without each column: ${texts.join("; ")}.`,
      height: 20 * values.length,
      left: LABEL_ROOM,
    },
  );
  const most =
    columns.length > SHOWN_COLUMNS ? `The ${SHOWN_COLUMNS} most important of ${columns.length} columns. ` : "";
  return { title, note: `${most}Lines: 95 % intervals of the mean over the exchanges.`, svg };
}
