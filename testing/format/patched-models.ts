import { readBlob } from "../../format/read-blob.ts";
import { sealBlob } from "../../format/seal.ts";
import { writeBlob } from "../../format/write-blob.ts";
import { withRowChanges } from "./blob-update.ts";
import { type PagedModel, pageContents, pagedModel } from "./paged-model.ts";

/** Rows of a model's blob, which take some KiB. */
const ROWS = 300;

/**
 * So many models with one name, each with some rows of the one before changed, as updates have them. Their pages are
 * the same, but for one more in each.
 */
export async function updatedModels(count: number): Promise<PagedModel[]> {
  const models: PagedModel[] = [];
  let rows = withRowChanges(readBlob((await pagedModel("", pageContents(1))).blob), {
    added: ROWS,
    changed: 0,
    seed: 0,
  });
  for (let i = 0; i < count; i++) {
    const { model, pages, blob } = await pagedModel(`number ${i}`, pageContents(4 + i));
    const { pageDigests, evidence } = readBlob(blob);
    rows = withRowChanges(rows, { added: 3, changed: 5, seed: i + 1 });
    const updated = writeBlob({ ...rows, pageDigests, evidence });
    models.push({ model, version: await sealBlob(updated), blob: updated, pages });
  }
  return models;
}
