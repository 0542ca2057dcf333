import type { ModelBlob } from "../../../format/blob.ts";
import { itemStride } from "../../../format/items.ts";
import { writeBlob } from "../../../format/write-blob.ts";
import { Kernel } from "../../../runtime/kernel.ts";
import { placeBlob } from "../../../runtime/placed-blob.ts";
import { batchOf, type TestKernel } from "../../../testing/kernel/harness.ts";
import type { TestRecord } from "../../../testing/kernel/random-model.ts";

/**
 * The blob of a model with a catalogue: item i has the item's fields of record i, and a key whose low word is 2i + 1
 * and whose high word is 7. `kernel` precomputes the items. `blob`: the model's, without a catalogue.
 */
export function withItems(
  kernel: TestKernel,
  model: ModelBlob,
  records: readonly TestRecord[],
  blob = writeBlob(model),
): Uint8Array {
  const one = new Kernel(placeBlob(kernel.module, blob), model.sides.length);
  const items = records.map((record) => one.precomputeItem(batchOf([record], one.rowsAddress, one.rowBytes)));
  const stride = itemStride(model);
  const bytes = new Uint8Array(records.length * stride);
  items.forEach((item, i) => {
    bytes.set(item, i * stride);
  });
  const keys = Uint32Array.from({ length: 2 * records.length }, (_, word) => (word & 1 ? 7 : word + 1));
  return writeBlob({ ...model, items: { field: 0, keys, records: bytes } });
}
