// Scores the golden records of the blob that the first argument names, and prints the logits.
import { readFileSync } from "node:fs";
import { checkGolden, goldenLogits, loadKernel, placeBlob, Scorer } from "deepfm-edge/runtime";

const scorer = new Scorer(placeBlob(await loadKernel(), new Uint8Array(readFileSync(process.argv[2]))));
checkGolden(scorer);
const records = scorer.manifest.golden.records.map(({ record }) => record);
console.log(JSON.stringify([...goldenLogits(scorer, records)]));
