// What clients of several models send: scores, rankings and explanations, by the default model, by name, by version.
import { type Attempt, HOSTILE, type Kind, type Random, WORST } from "../attack/kinds.ts";
import type { RawRecord } from "../attack/model.ts";
import { TOKENS } from "../attack/server.ts";
import { integer, pick } from "../format/random.ts";
import { type Fleet, NAMES } from "./fleet.ts";

/** A request, and what its answer is judged by. */
export interface Asked extends Attempt {
  /** What the request names: null, nothing; a model's name; or that and a version. */
  reference: string | null;
  /** Whether the default model may answer in its place. */
  mayFallBack: boolean;
  /** Whether the records have one context. */
  ranked: boolean;
}

export interface ChaosKind {
  name: string;
  make(random: Random, fleet: Fleet): Asked;
}

/** The most records of a request, few enough for each of its answers to be computed again. */
const MOST_RECORDS = 8;
/** One in so many values of a request has its row in a page. */
const COLD = 6;
/** Fields of a request that are one for all candidates. */
const CONTEXT = ["user", "site", "tags"] as const;

/** What clients send that mean well. */
export const KINDS: readonly ChaosKind[] = [
  { name: "score", make: (random, fleet) => score(random, fleet, null) },
  { name: "score by name", make: (random, fleet) => score(random, fleet, pick(random, NAMES)) },
  {
    name: "score by version",
    make(random, fleet) {
      const name = pick(random, NAMES);
      // The first versions alone, as each that is asked for stays in the isolate's memory.
      const [first, second] = fleet.versions.get(name) ?? [];
      return score(random, fleet, `${name}@${pick(random, [first, second]).version}`);
    },
  },
  {
    name: "score, or else the default",
    make: (random, fleet) => score(random, fleet, pick(random, NAMES), { fallback: "default" }),
  },
  { name: "score of rows in pages", make: (random, fleet) => cold(random, fleet, pick(random, [null, ...NAMES])) },
  {
    name: "score of rows in the blob",
    make(random, fleet) {
      const records = Array.from({ length: integer(random, 1, MOST_RECORDS) }, () => fleet.hot(random));
      return asked("/v1/score", { records }, records, pick(random, [null, ...NAMES]));
    },
  },
  { name: "rank", make: (random, fleet) => rank(random, fleet, { sort: false }) },
  { name: "rank, sorted", make: (random, fleet) => rank(random, fleet, {}) },
  {
    name: "explain",
    make(random, fleet) {
      const records = recordsOf(random, fleet, 4);
      return asked("/v1/explain", { records }, records, pick(random, [null, ...NAMES]));
    },
  },
];

/** What they get wrong, and what somebody sends who looks for a weakness. */
export const HOSTILE_KINDS: readonly ChaosKind[] = HOSTILE.map(byDefault);
/** The dearest bodies at each limit, which may arrive too slowly on a machine that does all this. */
export const WORST_KINDS: readonly ChaosKind[] = WORST.map(({ name, make }) =>
  byDefault({
    name,
    make(random, values) {
      const attempt = make(random, values);
      return { ...attempt, expected: [...attempt.expected, 408] };
    },
  }),
);

/** Scores a model that need not fit into memory. */
export function scoreLarge(name: string): ChaosKind {
  return { name: `score by ${name}`, make: (random, fleet) => score(random, fleet, name) };
}

/** Scores records whose rows are all in pages. */
export function scoreCold(reference: string | null): ChaosKind {
  return { name: "score of rows in pages", make: (random, fleet) => cold(random, fleet, reference) };
}

function cold(random: Random, fleet: Fleet, reference: string | null): Asked {
  const records = Array.from({ length: integer(random, 1, 3) }, () => fleet.cold(random));
  return asked("/v1/score", { records }, records, reference);
}

function byDefault({ name, make }: Kind): ChaosKind {
  return {
    name,
    make: (random, fleet) => ({ ...make(random, fleet), reference: null, mayFallBack: false, ranked: false }),
  };
}

function score(random: Random, fleet: Fleet, reference: string | null, more: object = {}): Asked {
  const records = recordsOf(random, fleet, MOST_RECORDS);
  return asked("/v1/score", { records, ...more }, records, reference);
}

function rank(random: Random, fleet: Fleet, more: object): Asked {
  const whole = recordsOf(random, fleet, MOST_RECORDS);
  const { user, site, tags } = whole[0];
  const context = { user, site, tags };
  const records = whole.map((record): RawRecord => ({ ...record, ...context }));
  const candidates = records.map((record) =>
    Object.fromEntries(Object.entries(record).filter(([field]) => !CONTEXT.some((own) => own === field))),
  );
  const ids = sortedIds(random, candidates.length);
  const named = "sort" in more ? {} : { ids };
  const body = { context, candidates, ...named, ...more };
  return { ...asked("/v1/rank", body, records, pick(random, [null, ...NAMES])), ranked: true };
}

/** Ids whose order is that of the request, from any number on. */
function sortedIds(random: Random, count: number): number[] {
  const first = integer(random, 0, 1000);
  return Array.from({ length: count }, (_, i) => first + i);
}

function recordsOf(random: Random, fleet: Fleet, most: number): RawRecord[] {
  return Array.from({ length: integer(random, 1, most) }, () => {
    const [record, cold] = [fleet.record(random), fleet.cold(random)];
    return Object.fromEntries(
      Object.entries(record).map(([field, value]) => [
        field,
        field in cold && integer(random, 1, COLD) === 1 ? cold[field] : value,
      ]),
    );
  });
}

function asked(path: string, body: object, records: readonly RawRecord[], reference: string | null): Asked {
  const token = path === "/v1/explain" ? TOKENS.explain : TOKENS.score;
  return {
    request: {
      method: "POST",
      path,
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body: JSON.stringify({ ...body, ...(reference !== null && { model: reference }) }),
    },
    expected: [200],
    records,
    reference,
    mayFallBack: "fallback" in body,
    ranked: false,
  };
}
