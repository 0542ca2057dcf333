// Re-ranking a page of 46 KB with a list of 50 items in front of an origin: milliseconds of workerd's processor time a
// page, for the origin's answer as it is, through a parser that does nothing at the elements that re-ranking looks at,
// and re-ranked, by an order that costs nothing. All take their turn in each round; ratios are medians of the rounds'.
// Before that it checks what is fast, in the same workerd: that of 200 generated pages and of hand-made ones only items
// have moved; that pages arrive whole where the parser fails, at each of their tokens; and over real connections that
// answers are those of the origin, each asked for once. Exits with 1 where one is wrong; gates nothing else.
import { fileURLToPath } from "node:url";
import { bundleWorker } from "../testing/attack/bundle.ts";
import { Workerd } from "../testing/attack/workerd.ts";
import { toJson, writeWhole } from "../trainer/io/files.ts";
import { median } from "../trainer/metrics/median.ts";
import { integerWithin } from "../trainer/terminal/number-option.ts";
import { table } from "../trainer/terminal/table.ts";
import { benchOptions, option } from "./options.ts";
import { processMs } from "./processor-time.ts";
import { medianRatio, rounded } from "./ratio.ts";
import { faultsOverHttp, startOrigin } from "./rerank/over-http.ts";
import { type Checked, shopPage } from "./rerank/page.ts";
import { JSON_FILE } from "./values.ts";

const WAYS = ["pass", "parser", "rerank"] as const;
/** Requests of a turn. */
const REQUESTS = 200;
const CONNECTIONS = 4;

const { rounds, json } = benchOptions({
  "--rounds <n>": option("rounds, in each of which all take their turn", integerWithin(1, 1000), 15),
  "--json <file>": JSON_FILE,
});
const page = shopPage();
const expected = { pass: page, parser: page, rerank: shopPage(true) };

await using stack = new AsyncDisposableStack();
const origin = await startOrigin();
stack.defer(() => void origin.server.close());
const bundle = stack.use(await bundleWorker(fileURLToPath(new URL("rerank/worker/index.ts", import.meta.url))));
const workerd = stack.use(
  await Workerd.start({
    ...{ bundle, v8Flags: [], texts: { ORIGIN: "http://origin.example.com" }, kvNamespaces: {}, onLog() {} },
    outbound: origin.address,
  }),
);

await check();
await race();

/** Checks pages, part by part. */
async function check(): Promise<void> {
  const lines: string[][] = [];
  const add = (part: string, what: string, { pages, times, faults }: Checked): void => {
    for (const fault of faults) console.log(fault);
    if (faults.length > 0) process.exitCode = 1;
    lines.push([part, String(pages), `${times} ${what}`, String(faults.length)]);
  };
  add("over HTTP", "comparisons", await faultsOverHttp(workerd.url, origin));
  add("generated", "lists moved", await checkedInWorkerd("generated"));
  add("hand-made", "pages sent", await checkedInWorkerd("hand-made"));
  add("failing parser", "failures forced", await checkedInWorkerd("failures"));
  console.log(table(["pages", "number", "checked", "wrong"], lines));
}

async function checkedInWorkerd(part: string): Promise<Checked> {
  const response = await fetch(new URL(`/check?part=${part}`, workerd.url));
  return (await response.json()) as Checked;
}

async function race(): Promise<void> {
  const ms = { pass: [] as number[], parser: [] as number[], rerank: [] as number[] };
  for (let round = 0; round <= rounds; round++) {
    for (const way of round % 2 === 0 ? WAYS : WAYS.toReversed()) {
      const taken = await turn(way);
      // The first round warms up.
      if (round > 0) ms[way].push(taken);
    }
  }
  const results = WAYS.map((way) => ({
    ...{ way, ms: rounded(median(ms[way])) },
    toPass: rounded(medianRatio(ms[way], ms.pass)),
    toParser: rounded(medianRatio(ms[way], ms.parser)),
  }));
  const lines = results.map(({ way, ms, toPass, toParser }) => [
    way,
    ...[ms.toFixed(3), toPass.toFixed(2), toParser.toFixed(2)],
  ]);
  console.log(`${page.length} bytes, ${rounds} rounds of ${REQUESTS} requests`);
  console.log(table(["answered by", "ms of processor time", "to pass", "to parser"], lines));
  if (json) writeWhole(json, toJson({ bytes: page.length, rounds, results }));
}

/** Milliseconds of processor time a request. */
async function turn(way: (typeof WAYS)[number]): Promise<number> {
  const started = processMs(workerd.pid);
  let left = REQUESTS;
  const connection = async (): Promise<void> => {
    while (left-- > 0) {
      const text = await (await fetch(new URL(`/${way}`, workerd.url))).text();
      if (text !== expected[way]) throw new Error(`${way}: got another page`);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  return (processMs(workerd.pid) - started) / REQUESTS;
}
