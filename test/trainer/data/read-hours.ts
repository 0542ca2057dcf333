// node read-hours.ts LOG…: prints the rows of a log of time stamps, among them what SQL computes of them, in a process
// whose time zone a test chooses.
import { parseWith } from "../../../format/parse.ts";
import { FeatureSpecSchema } from "../../../format/spec.ts";
import { ClickLog } from "../../../trainer/data/click-log.ts";

const fields = [{ name: "hour", type: "categorical", servedAs: "given" }];
const select = { hour: "hour(seen)", day: "CAST(seen AS DATE)" };
const { data, label } = parseWith(FeatureSpecSchema, { name: "s", fields, data: { select } }, "spec.json");
await using log = await ClickLog.open(process.argv.slice(2), { data, label });
for await (const { rows, columns } of log.chunks(["mixed", "hour", "day"]))
  for (let row = 0; row < rows; row++) console.log(columns.map((column) => column[row]).join(" | "));
