// node read-log.ts LOG: reads the first rows of a log, in a process whose end a test waits for; prints how many.
import { ClickLog } from "../../../trainer/data/click-log.ts";

const [path = ""] = process.argv.slice(2);
await using log = await ClickLog.open(path);
for await (const { rows } of log.chunks(["label"])) {
  process.stdout.write(`${rows}\n`);
  break;
}
