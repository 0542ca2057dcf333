// Exports of one trained model that differ in how many rows lie in the blob.
import { columnsOf } from "../../format/columns.ts";
import { openHeldOutLog } from "../../trainer/data/held-out-log.ts";
import { openPart } from "../../trainer/data/logs.ts";
import { someRecords } from "../../trainer/data/raw-record.ts";
import { startEngineOfRun } from "../../trainer/engine/engines.ts";
import { type ExportedModel, exportModel } from "../../trainer/export/export.ts";
import { CALIBRATION_SET_RECORDS } from "../../trainer/export/export-run.ts";
import { GOLDEN_RECORDS, sealExport } from "../../trainer/export/seal.ts";
import type { SavedRun } from "../../trainer/training/run-folder.ts";

export interface Head {
  /** `rows.blobBytes` of the spec. */
  blobBytes: number;
  exported: ExportedModel;
  /** Rows of values in the blob, and in pages. */
  rows: { blob: number; paged: number };
}

/** Exports a run with int8 rows for each of these budgets. `cache`: where encoded logs are kept. */
export async function exportHeads(run: SavedRun, budgets: readonly number[], cache: string): Promise<Head[]> {
  await startEngineOfRun(run.record, {});
  const valid = run.findValidLog();
  const calibrationSet = await (await openHeldOutLog(run.spec, run, valid, cache)).head(CALIBRATION_SET_RECORDS);
  await using log = await openPart(run.spec, valid);
  const golden = await someRecords(log, columnsOf(run.fitted.fields), GOLDEN_RECORDS);
  const heads: Head[] = [];
  for (const blobBytes of budgets) {
    const trained = { ...run, spec: { ...run.spec, rows: { ...run.spec.rows, blobBytes } } };
    const draft = await exportModel(trained, "int8", calibrationSet);
    const blob = draft.model.keys.length / 2;
    const paged = run.vocabulary.size - run.vocabulary.fields - blob;
    heads.push({ blobBytes, exported: await sealExport(draft, {}, golden), rows: { blob, paged } });
  }
  return heads;
}
