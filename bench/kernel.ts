// What the scoring kernel takes for a whole forward pass, from row numbers (or raw records) to logits and scores, on
// random models of real shapes. Time: µs of processor time a record, one thread, the median of rounds in which all that
// is compared takes turns. Against the machine's limit: the time of the roofline (kernel/roofline.ts) divided by ours.
// Against onnxruntime and TensorFlow.js on the same weights: our time divided by theirs. Each ratio is computed round
// by round, and its median shown. Checks that all compute the same logits; gates nothing else.
//   npm run bench -- kernel [--quick] [--json FILE]
// With --against, this checkout's kernel is compared with that of another checkout (a folder with its node_modules and
// build) in place of the peers: our time divided by theirs.
//   npm run bench -- kernel --against FOLDER [--rounds 31] [--quick] [--json FILE]
import { toJson, writeWhole } from "../trainer/io/files.ts";
import { AGAINST_ROUNDS } from "./checkout.ts";
import { raceAgainst } from "./kernel/against.ts";
import { raceWithPeers } from "./kernel/with-peers.ts";
import { benchOptions } from "./options.ts";

const { values: options } = benchOptions({
  options: {
    quick: { type: "boolean", default: false },
    against: { type: "string" },
    rounds: { type: "string", default: String(AGAINST_ROUNDS) },
    json: { type: "string" },
  },
});
const results = options.against
  ? await raceAgainst(options.against, options.quick, Number(options.rounds))
  : await raceWithPeers(options.quick);
if (options.json) writeWhole(options.json, toJson({ results }));
