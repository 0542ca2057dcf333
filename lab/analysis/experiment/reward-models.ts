import { columnsOf } from "../../../format/columns.ts";
import type { Exposure } from "../../../format/exposure.ts";
import { Page } from "../../../format/page.ts";
import type { FeatureSpec } from "../../../format/spec.ts";
import { kernelModule } from "../../../runtime/node.ts";
import { placeBlob } from "../../../runtime/placed-blob.ts";
import { Scorer } from "../../../runtime/scorer.ts";
import { UserError } from "../../../trainer/errors.ts";
import { loadExport } from "../../../trainer/export/export.ts";
import { foldOf } from "../export/folds.ts";
import { RecordColumns, readCatalogue } from "../export/record-columns.ts";

/** A model, and the pages of its rows. */
interface Opened {
  scorer: Scorer;
  pages: ReadonlyMap<number, Page>;
  columns: readonly string[];
}

/**
 * Trained models that say how probable a click on an item is, cross-fitted: the first was trained without the units of
 * the first fold, and so on, so that none is asked about a unit that it has learned from.
 */
export class RewardModels {
  readonly #models: readonly Opened[];
  readonly #columns: RecordColumns;
  readonly #items: ReadonlyMap<string, object> | null;

  private constructor(models: readonly Opened[], columns: RecordColumns, items: ReadonlyMap<string, object> | null) {
    this.#models = models;
    this.#columns = columns;
    this.#items = items;
  }

  /**
   * Opens the folders of exports, one for each fold. `spec`: what they were trained by; `items`: the catalogue that has
   * the columns of items. Throws UserError where there are fewer than two, and what reading an export throws.
   */
  static async open(folders: readonly string[], spec: FeatureSpec, items?: readonly string[]): Promise<RewardModels> {
    if (folders.length < 2)
      throw new UserError(`--reward-model: got ${folders.length} export, expected one for each of two folds or more`);
    const models = await Promise.all(folders.map(openModel));
    return new RewardModels(models, new RecordColumns(spec, false), items ? await readCatalogue(spec, items) : null);
  }

  /** Of each candidate of a list, the probability of a click in the first slot. */
  clicked(exposure: Exposure): Float64Array {
    const { scorer, pages, columns } = this.#models[foldOf(exposure.u, this.#models.length)];
    const records = exposure.cand.map((id, item) => {
      const known = this.#items?.get(id) ?? {};
      const record = this.#columns.record(exposure, { item, slot: 0, label: 0, weight: 1 }, known);
      return Object.fromEntries(columns.flatMap((name) => (name in record ? [[name, record[name]]] : [])));
    });
    return Float64Array.from(scorer.score(scorer.locate(scorer.encode(records)), pages).scores);
  }
}

async function openModel(folder: string): Promise<Opened> {
  const { blob, pages } = await loadExport(folder);
  const scorer = new Scorer(placeBlob(kernelModule(), blob));
  const opened = pages.map(({ bytes }, page): [number, Page] => [page, new Page(bytes, scorer.manifest, page)]);
  return { scorer, pages: new Map(opened), columns: columnsOf(scorer.manifest.spec.fields) };
}
