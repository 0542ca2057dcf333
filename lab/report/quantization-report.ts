import { counted } from "../../format/counted.ts";
import { chosenOf, type QuantizationReport, reportCells } from "../../trainer/export/report.ts";
import { bytesText } from "../../trainer/terminal/table.ts";
import { chart } from "./chart.ts";
import { LABEL_ROOM } from "./label.ts";
import { ACCENT, type Figure, figures, htmlTable, note, page, tiles } from "./page.ts";

// What quantization loses, from the evidence that an export keeps in its blob.

/** The report of an export. `model` is the model's name. */
export async function exportReport(model: string, version: string, report: QuantizationReport): Promise<string> {
  const { bytes, records, delta, logitDifference } = chosenOf(report);
  const headline = tiles([
    ["blob", bytesText(bytes.blob), `and pages of ${bytesText(bytes.pages)}`],
    ["AUC", delta.auc === null ? "–" : signed(delta.auc, 6), "served − trained"],
    ["logloss", delta.logloss === null ? "–" : `${signed(100 * delta.logloss, 3)} %`, "served / trained − 1"],
    ["largest change of a logit", logitDifference.max.toPrecision(2), `mean ${logitDifference.mean.toPrecision(2)}`],
  ]);
  const lead = `As ${report.chosen}, measured on ${counted(records, "record")}. Version ${version}.`;
  return page("export", `${model}: what the export loses`, lead, [
    { title: "The chosen quantization", html: headline },
    { title: "Beside the others", html: await quantizationHtml(model, report) },
  ]);
}

/** A figure and a table of all quantizations; `name` says of which model or run. */
export async function quantizationHtml(name: string, report: QuantizationReport): Promise<string> {
  const { head, rows, notes } = reportCells(report);
  const figure = await lossFigure(name, report);
  const table = htmlTable(head, rows, `What quantization loses: ${name}`);
  return (figure ? figures([figure]) : "") + table + notes.map(note).join("");
}

/** The growth of logloss by each quantization, with its size; null where no loss is known. */
async function lossFigure(name: string, { chosen, measured, limits }: QuantizationReport): Promise<Figure | null> {
  const values = measured.flatMap(({ quantization, bytes, delta }, rank) => {
    const label = `${quantization}, ${bytesText(bytes.blob + bytes.pages)}`;
    return delta.logloss === null ? [] : [{ rank, label, loss: 100 * delta.logloss }];
  });
  if (values.length === 0) return null;
  const y = { field: "rank", type: "ordinal", sort: null, axis: null } as const;
  const axis = { grid: true, tickCount: 4 };
  const x = { field: "loss", type: "quantitative", title: "growth of logloss, %", axis } as const;
  const limit = 100 * limits.logloss;
  // The limit is drawn where it does not flatten the losses.
  const shown = limit <= 3 * Math.max(...values.map(({ loss }) => Math.abs(loss))) ? [{ loss: limit }] : [];
  const svg = await chart(
    [
      {
        data: { values },
        mark: { type: "text", align: "right", baseline: "middle", fontSize: 11, fill: "var(--muted)" },
        encoding: { y, x: { value: -8 }, text: { field: "label" } },
      },
      {
        data: { values },
        mark: { type: "bar", fill: ACCENT, height: { band: 0.55 } },
        encoding: { y, x },
      },
      {
        data: { values: shown },
        mark: { type: "rule", stroke: "var(--ink)", strokeDash: [4, 4] },
        encoding: { x },
      },
    ],
    {
      description: `Growth of logloss by each quantization of ${name}: ${values
        .map(({ label, loss }) => `${label}: ${signed(loss, 3)} %`)
        .join("; ")}.`,
      height: 26 * values.length,
      left: LABEL_ROOM,
    },
  );
  const dashes = shown.length > 0 ? " Dashes: the limit of an export." : "";
  const note = `Growth of logloss by each quantization, with its size; ${chosen} was chosen.${dashes}`;
  return { title: "Loss and size", note, svg };
}

function signed(x: number, decimals: number): string {
  const text = Math.abs(x).toFixed(decimals);
  if (Number(text) === 0) return text;
  return `${x < 0 ? "−" : "+"}${text}`;
}
