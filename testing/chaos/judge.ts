import { judgeOther, judgeStatus } from "../attack/judge.ts";
import type { Answer } from "../attack/send.ts";
import type { Fleet } from "./fleet.ts";
import type { Asked } from "./kinds.ts";
import { judgeScores } from "./reference.ts";
import type { Timeline, VersionsSeen } from "./timeline.ts";

/** What an answer with scores says. */
interface ScoredAnswer {
  scores?: number[];
  items?: { id: number; score: number; rank: number }[];
  explanations?: { score: number }[];
  model: string;
  version: string;
  fallback?: { from: string; reason: string };
  degraded?: { rows: number; reason: string };
}

/** What an answer was, for the table of a phase. */
export type Outcome = "whole" | "degraded" | "fallback" | "other" | "refused" | "unavailable" | "none";

export interface Verdict {
  outcome: Outcome;
  /** The version that scored it; null where nothing did. */
  version: string | null;
  /** What is wrong, in words; null where nothing is. */
  problem: string | null;
}

/** What an answer is judged by, beside its request. */
export interface Witness {
  fleet: Fleet;
  timeline: Timeline;
  /** Of the isolate that answered. */
  seen: VersionsSeen;
  /** What it was known to serve when the request was sent. */
  before: ReadonlyMap<string, number>;
}

export function judge(asked: Asked, answer: Answer, witness: Witness): Verdict {
  const { status, body } = answer;
  const problem = judgeStatus(asked.expected, answer);
  if (problem !== null || status !== 200) {
    const outcome = status === null ? "none" : status === 503 ? "unavailable" : status === 200 ? "other" : "refused";
    return { outcome, version: null, problem };
  }
  const json: ScoredAnswer = JSON.parse(body);
  const scores = scoresOf(json);
  if (scores === null) return { outcome: "other", version: null, problem: judgeOther(body) };
  const outcome = json.fallback ? "fallback" : json.degraded ? "degraded" : "whole";
  return {
    outcome,
    version: json.version,
    problem: judgeName(asked, json, witness) ?? judgeOrder(json) ?? judgeAll(asked, json, scores, witness),
  };
}

/** The scores in the order of the records; null where the answer has none. */
function scoresOf({ scores, items, explanations }: ScoredAnswer): number[] | null {
  if (explanations) return explanations.map(({ score }) => score);
  // Ids ascend in the order of the request.
  if (items) return items.toSorted((a, b) => a.id - b.id).map(({ score }) => score);
  return scores ?? null;
}

/** The model must be the one that the request names, and the version one that it had and has not left behind. */
function judgeName(
  { reference, mayFallBack }: Asked,
  { model, version, fallback }: ScoredAnswer,
  { timeline, seen, before }: Witness,
): string | null {
  if (fallback && (!mayFallBack || fallback.from !== reference)) return `got a fallback from ${fallback.from}`;
  const named = fallback ? null : reference;
  const [name, pinned] = named?.split("@") ?? [null];
  if (name === null ? !timeline.wasDefault(model) : model !== name)
    return `got the model ${model}, expected ${name ?? "a default model"}`;
  if (pinned === undefined) return seen.answer(named, model, version, before);
  return version === pinned ? null : `got version ${version}, expected ${pinned}`;
}

/** The best come first, and of equal scores the one that came first in the request. */
function judgeOrder({ items = [] }: ScoredAnswer): string | null {
  const wrong = items.findIndex(({ id, score, rank }, i) => {
    const last = items[i - 1];
    return rank !== i + 1 || (last && (last.score < score || (last.score === score && last.id > id)));
  });
  return wrong < 0 ? null : `items[${wrong}]: got a place out of order`;
}

function judgeAll(
  { records, ranked }: Asked,
  { version, degraded }: ScoredAnswer,
  scores: readonly number[],
  { fleet }: Witness,
): string | null {
  const model = fleet.byVersion.get(version);
  if (!model) return `got version ${version}, which nobody published`;
  const odd = scores.find((score) => !(score >= 0 && score <= 1));
  if (odd !== undefined) return `got a score of ${odd}`;
  return records === undefined ? null : judgeScores({ records, scores, missing: degraded?.rows ?? 0, ranked }, model);
}
