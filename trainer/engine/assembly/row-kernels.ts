import type { AdamStep, BatchEntries, EntryGroups, RowKernels, RowSlots } from "../../model/row-kernels.ts";
import type { LinearMemory } from "./memory.ts";
import type { Team } from "./team.ts";

/** Rows in an engine's memory. `allocate` gives so many bytes for good, each 0. */
export function rowKernels(memory: LinearMemory, team: Team, allocate: (bytes: number) => number): RowKernels {
  const { kernels } = team;
  const withTeam = <T>(numbers: number, compute: () => T): T => {
    team.enter(numbers);
    const result = compute();
    team.check();
    return result;
  };
  // The memory is where its arrays' offsets count from.
  const at = (array: Float32Array | Int32Array | Uint32Array): number => {
    if (memory.owns(array)) return array.byteOffset;
    throw new Error("got an array of another memory, expected one of the engine's");
  };
  const listsOf = ({ firsts, entries, owners }: EntryGroups) => [at(firsts), at(entries), at(owners)] as const;
  return {
    floats: (length) => memory.floats(allocate(4 * length), length),
    integers: (length) => memory.integers(allocate(4 * length), length),
    owns: (array) => memory.owns(array),
    number({ cells, starts }: BatchEntries, rows, { slots, now }: RowSlots, { unique, places, ...groups }) {
      const own = [starts[cells], at(slots), now, at(unique), at(places)] as const;
      return kernels.numberRows(cells, at(starts), at(rows), ...own, ...listsOf(groups));
    },
    gather(table, width, { cells, starts, values }: BatchEntries, rows, linear, embeddings) {
      const to = [at(linear), at(embeddings)] as const;
      withTeam(cells * width, () =>
        kernels.gatherRows(at(table), width, cells, at(starts), at(rows), at(values), ...to),
      );
    },
    numberAndGather(table, width, entries, rows, { slots, now }, { unique, places, ...groups }, linear, embeddings) {
      const { cells, starts, values } = entries;
      const from = [at(table), width, cells, at(starts), at(rows), at(values)] as const;
      const numbering = [starts[cells], at(slots), now, at(unique), at(places)] as const;
      return withTeam(cells * width, () =>
        kernels.numberAndGatherRows(...from, at(linear), at(embeddings), ...numbering, ...listsOf(groups)),
      );
    },
    scatter(gradients, count, width, { cells, values }: BatchEntries, groups, dLinear, dEmbeddings) {
      const [to, from] = [at(gradients), [at(values), at(dLinear), at(dEmbeddings)] as const];
      withTeam(cells * width, () => kernels.scatterRows(to, count, width, ...listsOf(groups), ...from));
    },
    adam({ values, m, v }, rows, count, width, gradients, { rate, epsilon, scale, decay }: AdamStep) {
      const state = [at(values), at(m), at(v)] as const;
      const from = at(gradients);
      withTeam(count * width, () =>
        kernels.adamRows(...state, at(rows), count, width, from, rate, epsilon, scale, decay),
      );
    },
    addScaled: (from, to, times) => withTeam(to.length, () => kernels.addScaled(at(from), at(to), times, to.length)),
    squares: (list) => withTeam(list.length, () => kernels.squares(at(list), list.length)),
    squaresOfRows: (values, rows, count, width, gradients, decay) =>
      withTeam(count * width, () => kernels.squaresOfRows(at(values), at(rows), count, width, at(gradients), decay)),
  };
}
