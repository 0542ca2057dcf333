import type { PhaseAnalysis } from "../../lab/analysis/experiment/result.ts";
import { table } from "../../trainer/terminal/table.ts";
import { DRAWN_SLOTS } from "./experiment.ts";
import type { PlantedValue } from "./planted.ts";

/** Estimators whose assumptions hold here: a click depends on its own item and slot alone. */
const UNBIASED = /^(IPS|DR|IIPS(, of the first \d+ lists)?)$/;

/**
 * Prints what was found beside the truth. Returns whether all intervals hold it, the experiment is sound, and each of
 * `lists` lists that were shown is in the log.
 */
export function judge(phase: PhaseAnalysis, planted: readonly PlantedValue[], lists: number): boolean {
  const { soundness, replay, funnel } = phase;
  const rows = [...lifts(phase, planted), ...whatIfs(phase, planted)];
  console.log(
    table(
      ["", "the analysis says", "99 % interval", "the truth", ""],
      rows.map(({ name, found, low, high, truth, percent }) => [
        name,
        ...[found, `${numberText(low, percent)} to ${numberText(high, percent)}`, truth].map((cell) =>
          typeof cell === "string" ? cell : numberText(cell, percent),
        ),
        isWithin({ low, high, truth }) ? "within" : "outside",
      ]),
    ),
  );
  const p = soundness.ratio ? soundness.ratio.p.toFixed(3) : "of one arm";
  const changed = replay.orders + replay.propensities;
  console.log(`sample ratio: p ${p}; ${soundness.sound ? "sound" : `not sound: ${soundness.reasons.join("; ")}`}`);
  console.log(`${replay.replayed} lines were drawn again from the log, ${changed} of them came out differently`);
  console.log(`${funnel.counted} of ${lists} lists that were shown are in the log`);
  return soundness.sound && changed === 0 && funnel.counted === lists && rows.every(isWithin);
}

/** A number of the analysis beside the true one. */
interface Judged {
  name: string;
  found: number;
  low: number;
  high: number;
  truth: number;
  /** Whether it is a lift. */
  percent: boolean;
}

function isWithin({ low, high, truth }: Pick<Judged, "low" | "high" | "truth">): boolean {
  return low <= truth && truth <= high;
}

function numberText(value: number, percent: boolean): string {
  return percent ? `${(100 * value).toFixed(1)} %` : value.toFixed(4);
}

/** Clicks per list of each other arm, over the origin's. */
function lifts({ metrics }: PhaseAnalysis, planted: readonly PlantedValue[]): Judged[] {
  const clicks = metrics?.find(({ primary }) => primary);
  const [origin, ...others] = planted;
  return others.map(({ arm, perList }): Judged => {
    const lift = clicks?.comparisons.find((one) => one.arm === arm)?.raw.lift;
    const truth = perList / (origin?.perList ?? Number.NaN) - 1;
    const { low, high } = lift?.fixed ?? NOT_FOUND;
    const name = `clicks per list, ${arm} over origin`;
    return {
      name,
      found: lift?.effect ?? Number.NaN,
      low: low ?? Number.NaN,
      high: high ?? Number.NaN,
      truth,
      percent: true,
    };
  });
}

const NOT_FOUND = { low: Number.NaN, high: Number.NaN };

/** What DeepFM's order would have earned, by the lists of LR alone. */
function whatIfs({ offPolicy }: PhaseAnalysis, planted: readonly PlantedValue[]): Judged[] {
  const truth = planted.find(({ arm }) => arm === "deepfm");
  return offPolicy
    .filter(({ arm, target }) => arm === "lr" && target === "arm deepfm")
    .flatMap(({ slot, estimates }) =>
      estimates
        // One that is refused, since too few lists decide it, says nothing of the truth.
        .filter(({ estimator, value }) => UNBIASED.test(estimator) && value !== null)
        .map(
          ({ estimator, value, normal }): Judged => ({
            name: `${slot === "list" ? `clicks in the first ${DRAWN_SLOTS} slots` : "clicks in the first slot"}, ${estimator}`,
            found: value ?? Number.NaN,
            low: normal?.[0] ?? Number.NaN,
            high: normal?.[1] ?? Number.NaN,
            truth: truth?.[slot === "list" ? "firstSlots" : "firstSlot"] ?? Number.NaN,
            percent: false,
          }),
        ),
    );
}
