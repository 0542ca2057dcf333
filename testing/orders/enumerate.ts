// Policies by their definitions, over every list that can come: what the closed forms are compared with.

/** By a list's items, as "2,0,1": its probability. */
export type Lists = Map<string, number>;

/** Every list of `slots` items, where `choices` gives the probability of each item after a list. */
export function listsOf(n: number, slots: number, choices: (before: number[], left: number[]) => number[]): Lists {
  const lists: Lists = new Map();
  const extend = (before: number[], p: number): void => {
    if (before.length === slots) {
      lists.set(String(before), (lists.get(String(before)) ?? 0) + p);
      return;
    }
    const left = Array.from({ length: n }, (_, i) => i).filter((i) => !before.includes(i));
    for (const [j, q] of choices(before, left).entries()) if (q > 0) extend([...before, left[j] as number], p * q);
  };
  extend([], 1);
  return lists;
}

/** Plackett–Luce: in proportion to e^z. */
export function plackettLuceLists(z: ArrayLike<number>, slots: number): Lists {
  return listsOf(z.length, slots, (_, left) => {
    const most = Math.max(...left.map((i) => z[i] as number));
    const weights = left.map((i) => Math.exp((z[i] as number) - most));
    const total = weights.reduce((a, b) => a + b, 0);
    return weights.map((weight) => weight / total);
  });
}

/** ε-greedy. */
export function epsilonGreedyLists(logits: ArrayLike<number>, slots: number, epsilon: number): Lists {
  return listsOf(logits.length, slots, (_, left) => {
    const best = bestOf(logits, left);
    return left.map((i) => (i === best ? 1 - epsilon : 0) + epsilon / left.length);
  });
}

/** Team-draft: the lists of every sequence of coins, each as probable as any. */
export function teamDraftLists(own: ArrayLike<number>, rival: ArrayLike<number>, slots: number): Lists {
  const lists: Lists = new Map();
  const pairs = Math.ceil(slots / 2);
  for (let coins = 0; coins < 2 ** pairs; coins++) {
    const list: number[] = [];
    for (let slot = 0; slot < slots; slot++) {
      const first = (coins >> (slot >> 1)) & 1;
      const logits = (first ^ (slot & 1)) === 0 ? own : rival;
      const left = Array.from(own, (_, i) => i).filter((i) => !list.includes(i));
      list.push(bestOf(logits, left));
    }
    lists.set(String(list), (lists.get(String(list)) ?? 0) + 2 ** -pairs);
  }
  return lists;
}

function bestOf(logits: ArrayLike<number>, left: number[]): number {
  return left.reduce((best, i) => ((logits[i] as number) > (logits[best] as number) ? i : best));
}

/** P(item i at rank r): `[r * n + i]`. */
export function marginalsOf(lists: Lists, n: number, slots: number): Float64Array {
  const marginals = new Float64Array(n * slots);
  for (const [list, p] of lists) for (const [r, i] of list.split(",").entries()) marginals[r * n + Number(i)] += p;
  return marginals;
}
