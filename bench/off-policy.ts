// Our off-policy estimators beside Open Bandit Pipeline's (bench/peers/README.md), on rounds of Open Bandit that come
// with it: 10,000 of a campaign that the uniform policy logged, from which Thompson sampling is evaluated as in its
// quickstart, and 10,000 the other way round. Both are given the same propensities, probabilities and q̂. Prints the
// estimates, our intervals by the delta method and by the bootstrap, and its own by the bootstrap. Exits with status 1
// where an estimate of ours differs by more than a share of 1e-9, and where its quickstart does not come to what is
// published.
import { table } from "../trainer/terminal/table.ts";
import { type Compared, compare } from "./off-policy/compare.ts";
import { CAMPAIGNS, hasOpenBanditPipeline, POLICIES, pythonOf, runQuickstart } from "./off-policy/quickstart.ts";
import { benchOptions, option, optional, refuse } from "./options.ts";
import { oneOf } from "./values.ts";

/** How far an estimate may be from the peer's, as a share: sums of 10,000 numbers in another order. */
const MOST_OFF = 1e-9;
/** As many as the quickstart has. */
const RESAMPLES = 10_000;

/** What st-tech/zr-obp, examples/quickstart/obd.ipynb at 8cbd5fa4, prints in six digits of campaign all. */
const PUBLISHED = [
  { name: "ipw", value: 0.004553, low: 0.001531, high: 0.009254 },
  { name: "dm", value: 0.003545 },
  { name: "dr", value: 0.004727, low: 0.001702, high: 0.009416 },
];
const DIGITS = 1e-6;

const options = benchOptions({
  "--campaign <name>": option("the campaign", oneOf(CAMPAIGNS), "all"),
  "--peers <python>": optional(
    "a Python that has Open Bandit Pipeline (default: that of bench/peers/off-policy)",
    String,
  ),
});
const { campaign } = options;
const python = pythonOf(options.peers);
if (!hasOpenBanditPipeline(python))
  refuse(`--peers: got ${python}, expected a Python that has Open Bandit Pipeline: see bench/peers/README.md`);

const digits = (value: number): string => value.toFixed(6);
const interval = (low: number, high: number): string => `${digits(low)} to ${digits(high)}`;

function fail(message: string): void {
  console.error(message);
  process.exitCode = 1;
}

function checkPublished(all: readonly Compared[]): void {
  for (const { name, ...published } of PUBLISHED) {
    const found = all.find(({ peer }) => peer.name === name)?.peer;
    for (const [key, expected] of Object.entries(published)) {
      const got = found?.[key as "value" | "low" | "high"];
      if (!(Math.abs((got ?? Number.NaN) - expected) <= DIGITS))
        fail(`${name}, ${key}: got ${got}, expected ${expected}, as is published`);
    }
  }
}

for (const logs of POLICIES) {
  const { versions, lambda, rounds, estimates } = await runQuickstart(python, campaign, logs);
  const all = compare(rounds, estimates, lambda, RESAMPLES);
  const [{ ours }] = all;
  const clicks = rounds.reward.reduce((sum, reward) => sum + reward, 0);
  console.log(
    `campaign ${campaign}, logs of ${logs}: ${rounds.reward.length} rounds, ${clicks} clicks, ` +
      `ESS ${ours.effectiveSize.toFixed(1)}, largest weight ${ours.largestWeight.toFixed(2)}, λ ${lambda}`,
  );
  console.log(
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", "),
  );
  console.log(
    table(
      ["estimator", "ours", "obp", "off by a share of", "95 %, ours, normal", "bootstrap", "bootstrap of obp"],
      all.map(({ peer, ours: { value, normal, bootstrap }, off }) => [
        peer.name,
        digits(value),
        digits(peer.value),
        off.toExponential(1),
        interval(...normal),
        interval(...bootstrap),
        interval(peer.low, peer.high),
      ]),
    ),
  );
  for (const { peer, ours, off } of all)
    if (!(off <= MOST_OFF)) fail(`${peer.name}, logs of ${logs}: got ${ours.value}, expected ${peer.value}`);
  if (campaign === "all" && logs === "random") checkPublished(all);
}
