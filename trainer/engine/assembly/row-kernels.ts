import type { AdamStep, BatchEntries, RowKernels } from "../../model/row-kernels.ts";
import type { TrainingKernels } from "./kernels.ts";
import type { LinearMemory } from "./memory.ts";

/** Rows in an engine's memory. `allocate` gives so many bytes for good. */
export function rowKernels(
  memory: LinearMemory,
  kernels: TrainingKernels,
  allocate: (bytes: number) => number,
): RowKernels {
  // The memory is where its arrays' offsets count from.
  const at = (array: Float32Array | Int32Array | Uint32Array): number => {
    if (memory.owns(array)) return array.byteOffset;
    throw new Error("got an array of another memory, expected one of the engine's");
  };
  return {
    floats: (length) => memory.floats(allocate(4 * length), length).fill(0),
    integers: (length) => memory.integers(allocate(4 * length), length).fill(0),
    owns: (array) => memory.owns(array),
    unique: (rows, count, { stamps, locals, now }, unique, places) =>
      kernels.uniqueRows(at(rows), count, at(stamps), at(locals), now, at(unique), at(places)),
    gather(table, width, { cells, starts, values }: BatchEntries, rows, linear, embeddings) {
      kernels.gatherRows(at(table), width, cells, at(starts), at(rows), at(values), at(linear), at(embeddings));
    },
    scatter(gradients, count, width, { cells, starts, values }: BatchEntries, places, dLinear, dEmbeddings) {
      const [to, from] = [at(gradients), at(starts)];
      kernels.scatterRows(to, count, width, cells, from, at(places), at(values), at(dLinear), at(dEmbeddings));
    },
    adam({ values, m, v }, rows, count, width, gradients, { rate, epsilon, scale, decay }: AdamStep) {
      const state = [at(values), at(m), at(v)] as const;
      kernels.adamRows(...state, at(rows), count, width, at(gradients), rate, epsilon, scale, decay);
    },
  };
}
