import { describe, expect, test } from "vitest";
import { parsePolicy } from "../../../../format/policy.ts";
import { experimentReport } from "../../../../lab/report/experiment-report.ts";
import { leftOutText } from "../../../../lab/report/experiment-tables.ts";
import { analyzed, onlyPhase } from "./analyzed.ts";
import { CLICK, unitLines } from "./unit-lines.ts";

// What a plan or a log names and no list that counts has is told.

const clicked = () => [{ events: [CLICK] }];
const flagged = () => [{ exposure: { flags: "v" } }];

describe("what no list that counts has is told", () => {
  test("a phase whose lists are all flagged, in the result and in the report", async () => {
    const phase = "0badc0de";
    const lines = [
      ...unitLines({ origin: 5, b: 5 }, clicked),
      ...unitLines({ origin: 3 }, () => [
        { exposure: { phase, flags: "v" } },
        { exposure: { phase, flags: "bp" } },
        { exposure: { phase, flags: "p" } },
      ]),
    ];
    const analysis = await analyzed(lines);
    expect(analysis.phases).toHaveLength(1);
    expect(analysis.leftOut).toMatchObject([{ phase, funnel: { lists: 9, counted: 0, flagged: { bot: 3 } } }]);
    const [first] = analysis.leftOut;
    const text = "phase 0badc0de is left out: none of its 9 lists counts (3 bot, 6 prefetch, 3 preview)";
    expect(first && leftOutText(first)).toBe(text);
    expect(await experimentReport(analysis)).toContain(text);
  });

  test("an arm without a list, one whose lists are all flagged, and a phase with one arm", async () => {
    const lines = [...unitLines({ origin: 9 }, clicked), ...unitLines({ b: 4, preview: 2 }, flagged)];
    const planned = onlyPhase(await analyzed(lines, { weights: { origin: 1, b: 1, c: 1 } }));
    expect(planned.warnings).toEqual(
      expect.arrayContaining([
        "no list of c is in the log",
        "none of the 4 lists of b counts: flagged, or of units in two arms",
        "none of the 2 lists of preview counts: flagged, or of units in two arms",
      ]),
    );
    expect(planned.warnings).not.toContain("no list of b is in the log");
    const { warnings } = onlyPhase(await analyzed(lines, { weights: { origin: 1 } }));
    expect(warnings).toContain("origin is the only arm: nothing is compared");
  });

  test("a metric without an event or a value, a guard-rail without a number, a segment without a value, or with many", async () => {
    const lines = unitLines({ origin: 30, b: 30 }, (_, unit) => [
      { exposure: { ctx: { page: unit } }, events: [CLICK, { type: "conversion" }] },
    ]);
    const plan = {
      metrics: [
        { name: "clicks", event: "click", of: "count" },
        { name: "money", event: "revenue", of: "value" },
        { name: "worth", event: "conversion", of: "value" },
      ],
      guardRails: [{ name: "slow", field: "ctx.ms" }],
      segments: ["ctx.device", "ctx.page"],
    };
    const { warnings } = onlyPhase(await analyzed(lines, plan, { whatIf: [parsePolicy({ policy: "greedy" })] }));
    expect(warnings).toEqual([
      expect.stringContaining("no weights are planned"),
      "no revenue counts: money is 0",
      "no conversion has a value: worth is 0",
      "no list has a number in ctx.ms: the guard-rail slow says nothing",
      "no list has ctx.device: it divides nothing",
      "ctx.page has 30 values: segments are the 20 with the most units",
      expect.stringContaining("no number of units is planned"),
      "no arm has logits by which another policy could order its lists: none is judged",
    ]);
  });

  test("units for a lift of a control without a click", async () => {
    const lines = unitLines({ origin: 5, b: 5 }, () => [{}]);
    const { warnings } = onlyPhase(await analyzed(lines, {}, { planEffects: [0.1] }));
    expect(warnings).toEqual(
      expect.arrayContaining([
        "no click counts: clicks is 0",
        "units for a lift cannot be planned: the control has no level, or there is no treatment",
      ]),
    );
  });
});
