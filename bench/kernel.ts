// What the scoring kernel takes for a whole forward pass, from row numbers (or raw records) to logits and scores, on
// random models of real shapes. Time: µs of processor time a record, one thread, the median of rounds in which all that
// is compared takes turns. Against the machine's limit: the time of the roofline (kernel/roofline.ts) divided by ours.
// Against onnxruntime and TensorFlow.js on the same weights: our time divided by theirs. Each ratio is computed round
// by round, and its median shown. Checks that all compute the same logits; gates nothing else.
// With --against, this checkout's kernel is compared with that of another checkout (a folder with its node_modules and
// build) in place of the peers: our time divided by theirs.
import { toJson, writeWhole } from "../trainer/io/files.ts";
import { integerWithin } from "../trainer/terminal/number-option.ts";
import { existingFolder } from "../trainer/terminal/path-option.ts";
import { AGAINST_ROUNDS } from "./checkout.ts";
import { raceAgainst } from "./kernel/against.ts";
import { raceWithPeers } from "./kernel/with-peers.ts";
import { benchOptions, flag, option, optional } from "./options.ts";
import { JSON_FILE } from "./values.ts";

const { quick, against, rounds, json } = benchOptions({
  "--quick": flag("the first shape, the relaxed kernel and few batch sizes only"),
  "--against <folder>": optional("another checkout", existingFolder),
  "--rounds <n>": option("rounds of --against", integerWithin(1, 1000), AGAINST_ROUNDS),
  "--json <file>": JSON_FILE,
});
const results = against ? await raceAgainst(against, quick, rounds) : await raceWithPeers(quick);
if (json) writeWhole(json, toJson({ results }));
