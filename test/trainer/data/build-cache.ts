// node build-cache.ts SPEC LOG CACHE: encodes a log into a cache, in a process that a test can kill.
import { readFileSync } from "node:fs";
import { parseFeatureSpec } from "../../../format/spec.ts";
import { openTrainingLog } from "../../../trainer/data/training-log.ts";

const [spec = "", log = "", cache = ""] = process.argv.slice(2);
await openTrainingLog(parseFeatureSpec(readFileSync(spec, "utf8"), spec), { paths: [log] }, cache);
