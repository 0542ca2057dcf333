import { counter, gauge, type MetricFamily, type Series } from "../metrics/exposition.ts";
import type { LineKind } from "./line-sink.ts";

/** Why a line is dropped. */
export const DROP_REASONS = [
  /** No sink is bound. */
  "no-sink",
  /** As many lines wait as may. */
  "buffer-full",
  /** It has waited for as long as one may. */
  "too-old",
  /** Even what was shown alone is more than a message may have. */
  "too-long",
  /** It cannot be written as JSON. */
  "defect",
] as const;
export type DropReason = (typeof DROP_REASONS)[number];

/** What lines are counted by: an experiment and an arm, or a type of events. Values are no client's. */
export type LineLabels = Readonly<Record<string, string>>;

/** What became of lines with the same labels. */
export interface LineCounts {
  readonly labels: LineLabels;
  written: number;
  sent: number;
  dropped: Record<DropReason, number>;
}

/** Series at most, so that no payload makes more of them than /metrics can show. What is beyond shares one. */
const MAX_SERIES = 500;
const OTHER = "other";

/** What this isolate has done with lines since it started. written = sent + dropped + those that wait. */
export class LineCounters {
  readonly #kind: LineKind;
  readonly #counts = new Map<string, LineCounts>();

  constructor(kind: LineKind) {
    this.#kind = kind;
  }

  /** The counts of lines with these labels. */
  of(labels: LineLabels): LineCounts {
    const key = Object.values(labels).join("\0");
    const found = this.#counts.get(key);
    if (found) return found;
    if (this.#counts.size < MAX_SERIES) return this.#add(key, labels);
    const others = Object.fromEntries(Object.keys(labels).map((name) => [name, OTHER]));
    return this.#counts.get(OTHER) ?? this.#add(OTHER, others);
  }

  all(): readonly LineCounts[] {
    return [...this.#counts.values()];
  }

  /** `waiting`: lines that are neither sent nor dropped, and their bytes. */
  families(waiting: { lines: number; bytes: number }): MetricFamily[] {
    const kind = this.#kind;
    const dropped = this.all().flatMap(({ labels, dropped }) =>
      DROP_REASONS.filter((reason) => dropped[reason] > 0).map(
        (reason): Series => [{ ...labels, reason }, dropped[reason]],
      ),
    );
    const series = (what: "written" | "sent"): Series[] => this.all().map((counts) => [counts.labels, counts[what]]);
    return [
      counter(`${kind}_written_total`, `Lines of ${kind} that this isolate was to send.`, series("written")),
      counter(`${kind}_sent_total`, `Lines of ${kind} that the sink has taken.`, series("sent")),
      counter(`${kind}_dropped_total`, `Lines of ${kind} that are lost, by the reason.`, dropped),
      gauge(`${kind}_waiting_lines`, `Lines of ${kind} that wait for the sink.`, [[{}, waiting.lines]]),
      gauge(`${kind}_waiting_bytes`, `Bytes of ${kind} that wait for the sink.`, [[{}, waiting.bytes]]),
    ];
  }

  #add(key: string, labels: LineLabels): LineCounts {
    const dropped = Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0])) as Record<DropReason, number>;
    const counts: LineCounts = { labels, written: 0, sent: 0, dropped };
    this.#counts.set(key, counts);
    return counts;
  }
}
