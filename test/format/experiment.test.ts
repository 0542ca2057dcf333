import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseArm, policyOf } from "../../format/arm.ts";
import { checkPayload, MAX_PAYLOAD_BYTES, readPayload } from "../../format/experiment.ts";
import { readExperimentsPointer, writeExperimentsPointer } from "../../format/experiments-pointer.ts";
import { Evaluator } from "../../worker/experiments/evaluator.ts";

const A = { arm: "a", model: null };
const B = { arm: "b", model: "ads", policy: { policy: "plackett-luce", temperature: 1 }, k: 10 };
const RULE = {
  key: "ranker",
  seed: "ranker:1",
  hashAttribute: "uid",
  hashVersion: 2,
  coverage: 0.5,
  variations: [A, B],
};

function payloadOf(rule: object, feature: object = {}): object {
  return { features: { home: { defaultValue: null, ...feature, rules: [rule] } } };
}

const check = (rule: object, feature?: object) => checkPayload(payloadOf(rule, feature), "payload");

async function phaseOf(rule: object): Promise<string | undefined> {
  return (await check(rule)).lists.get("home")?.[0]?.phase;
}

test("a payload's lists, experiments and arms are known", async () => {
  const payload = await check(RULE, { defaultValue: { ...A, arm: "rest" } });
  const [experiment] = payload.lists.get("home") ?? [];
  expect(experiment).toMatchObject({
    key: "ranker",
    list: "home",
    arms: [{ arm: "a" }, { arm: "b", k: 10 }],
  });
  expect(payload.hashAttributes).toEqual(new Set(["uid"]));
  expect(payload.stickyLists).toEqual(new Set());
  const values = payload.json.features.home?.rules?.[0]?.variations ?? [];
  expect(values.map((value) => payload.arms.get(value)?.arm.arm)).toEqual(["a", "b"]);
  expect(payload.arms.get(payload.json.features.home?.defaultValue)).toMatchObject({
    arm: { arm: "rest" },
    experiment: null,
  });
});

test("a phase is that of all that assigns units, and not of the coverage or of the order of keys", async () => {
  const phase = await phaseOf(RULE);
  expect(phase).toMatch(/^[0-9a-f]{8}$/);
  for (const same of [{ coverage: 1 }, { name: "The ranker" }, { weights: [0.5, 0.5] }])
    expect(await phaseOf({ ...RULE, ...same })).toBe(phase);
  expect(await phaseOf(Object.fromEntries(Object.entries(RULE).reverse()))).toBe(phase);
  for (const other of [
    { seed: "ranker:2" },
    { key: "other" },
    { weights: [0.4, 0.6] },
    { variations: [A, { ...B, k: 9 }] },
    { hashAttribute: "id" },
    { condition: { country: "de" } },
  ])
    expect(await phaseOf({ ...RULE, ...other })).not.toBe(phase);
});

const gate = { parentConditions: [{ id: "flag", condition: { value: "on" }, gate: true }] };

test("what is wrong with features that no list asks for is not looked at", async () => {
  const flag = { rules: [{ force: true, condition: { country: { $is: "de" } } }] };
  await expect(checkPayload({ features: { flag, home: { rules: [RULE] } } }, "payload")).resolves.toBeTruthy();
});

test("prerequisites of a feature, which a console writes as rules without a value, let lists in or keep them out", async () => {
  for (const [value, assigned] of [
    ["on", true],
    ["off", false],
  ] as const) {
    const features = { flag: { defaultValue: value }, home: { rules: [gate, { ...RULE, coverage: 1 }] } };
    const payload = await checkPayload({ features }, "payload");
    expect(payload.lists.get("home")).toHaveLength(1);
    const assignment = new Evaluator(payload).assign("home", { uid: "visitor-1" }, null);
    expect(assignment?.unit?.experiment.key).toBe(assigned ? "ranker" : undefined);
    expect(assignment === null).toBe(!assigned);
  }
});

test("a list asks for a sticky document where it, or what it asks for first, has a bucketVersion", async () => {
  const sticky = { bucketVersion: 1, meta: [{ key: "0" }, { key: "1" }] };
  const isAsked = async (rule: object, holdout: object): Promise<boolean> => {
    const hold = { defaultValue: "in", rules: [{ ...RULE, key: "hold", variations: ["in", "out"], ...holdout }] };
    const flag = { defaultValue: "on", rules: [{ parentConditions: [{ id: "hold", condition: { value: "in" } }] }] };
    const features = { hold, flag, home: { rules: [gate, { ...RULE, ...rule }] } };
    return (await checkPayload({ features }, "payload")).stickyLists.has("home");
  };
  expect(await isAsked({}, {})).toBe(false);
  expect(await isAsked(sticky, {})).toBe(true);
  expect(await isAsked({}, sticky)).toBe(true);
  expect(await isAsked({}, { ...sticky, disableStickyBucketing: true })).toBe(false);
});

test("prerequisites that take long although no condition of theirs compares anything are refused", async () => {
  const asksFor = (id: string) => ({ parentConditions: [{ id, condition: {}, gate: true }] });
  const flags = Array.from({ length: 31 }, (_, i) => {
    const next = asksFor(`flag${i + 1}`);
    return [`flag${i}`, { defaultValue: "on", rules: i < 30 ? [next, next] : [] }] as const;
  });
  const features = { ...Object.fromEntries(flags), home: { rules: [asksFor("flag0"), RULE] } };
  await expect(checkPayload({ features }, "payload")).rejects.toThrow("or may take more than 16777216 steps");
});

describe("a payload is refused", () => {
  const rule = (change: object, place: string, problem: string) => [
    payloadOf({ ...RULE, ...change }),
    `payload: features.home.rules[0]${place}: ${problem}`,
  ];
  test.each([
    rule({ hashVersion: 1 }, ".hashVersion", "got 1, expected 2: version 1 assigns experiments"),
    rule({ hashVersion: undefined }, ".hashVersion", "missing, which means 1, expected 2"),
    rule({ namespace: ["pricing", 0, 0.5] }, ".namespace", "got a namespace, expected filters with hashVersion 2"),
    rule(
      { filters: [{ seed: "s", ranges: [[0, 0.5]], hashVersion: 1 }] },
      ".filters[0].hashVersion",
      "got 1, expected 2",
    ),
    rule({ hashAttribute: "constructor" }, "", 'got the attribute "constructor", a name that JavaScript keeps'),
    rule({ fallbackAttribute: "__proto__" }, "", 'got the attribute "__proto__"'),
    rule({ filters: [{ seed: "s", ranges: [[0, 0.5]], attribute: "toString" }] }, "", 'got the attribute "toString"'),
    rule({ contextualBanditRef: "b" }, ".contextualBanditRef", "got a contextual bandit"),
    rule({ weights: [0.5] }, ".weights", "got 1, expected 2, one for each arm"),
    rule({ weights: [0.5, 0.6] }, ".weights", "got [0.5,0.6], which is 1.1 together, expected 1"),
    rule(
      {
        ranges: [
          [0, 0.5],
          [0.4, 1],
        ],
      },
      ".ranges[1]",
      "got 0.4 to 1, expected ranges apart from one another",
    ),
    rule({ variations: [B] }, ".variations", "got 1 arms, expected 2 to 20"),
    rule({ variations: [A, A] }, ".variations", 'got the arm "a" twice, expected each once'),
    rule({ variations: [A, { ...B, model: "Ads" }] }, ".variations[1]: model", 'got "Ads", expected a model\'s name'),
    rule({ variations: [A, { ...B, modell: "ads" }] }, ".variations[1]: modell", 'unknown key, expected "model"'),
    rule({ variations: [A, { ...A, arm: "b", policy: B.policy }] }, ".variations[1]", "got "),
    // Less than can be sampled.
    rule(
      { variations: [{ ...A, shadow: { model: "ads", share: 2 ** -33 } }, B] },
      ".variations[0]: shadow.share",
      "got 1.16",
    ),
    rule(
      { variations: [{ ...A, shadow: { model: "ads", share: 0 } }, B] },
      ".variations[0]: shadow.share",
      "got 0, expected >=2.3",
    ),
    [
      payloadOf({ ...RULE, variations: undefined }, { defaultValue: A }),
      "payload: features.home.rules[0]: got neither variations nor force nor a gate",
    ],
    rule({ condition: ["de"] }, ".condition", 'got ["de"], expected an object'),
    rule({ condition: { country: { $regex: "(a+)+$" } } }, ".condition: country: $regex", "got conditions that"),
    rule({ condition: { country: { $in: "de" } } }, ".condition: country: $in", 'got "de", expected a list'),
    rule({ parentConditions: [{ id: "flag" }] }, ".parentConditions[0].condition", "got undefined, expected an object"),
    [
      {
        features: { home: { rules: [gate, RULE] }, flag: { rules: [{ ...gate, force: 1, condition: { $xor: [] } }] } },
      },
      "payload: features.flag.rules[0].condition: got the operator $xor",
    ],
    [
      { features: { home: { rules: [gate, RULE] }, flag: { rules: [{ ...gate, force: 1 }] } } },
      "got conditions that are more than 32 within one another",
    ],
    rule({ bucketVersion: 1 }, ".meta", "got no key for each arm, expected them with a bucketVersion"),
    [
      payloadOf(RULE, { defaultValue: B }),
      'payload: features.home.defaultValue: policy: got "plackett-luce", expected greedy',
    ],
    [payloadOf({ ...RULE, coverage: 2 }), "payload: features.home.rules[0].coverage: got 2, expected <=1"],
    [
      { features: { flag: { rules: [{ force: true, coverage: 0.5 }] } } },
      "payload: features.flag.rules[0].hashVersion: missing",
    ],
    [{ features: [] }, "payload: features: got [], expected an object of features"],
    [{}, "payload: features: missing"],
    [
      { "deepfm-edge": { version: 2 }, features: {} },
      "payload: deepfm-edge.version: got 2, expected 1, the version that is known here",
    ],
    [{ encryptedFeatures: "x" }, "payload: encryptedFeatures: got an encrypted payload"],
    ["features", 'payload: got "features", expected Object'],
  ])("%#", async (payload, message) => {
    await expect(checkPayload(JSON.parse(JSON.stringify(payload)), "payload")).rejects.toThrow(String(message));
  });

  test("where a list has a name that the schema would pass over", async () => {
    for (const name of ["constructor", "__proto__", "prototype"]) {
      const payload = JSON.parse(`{"features":{"${name}":{"rules":[${JSON.stringify(RULE)}]}}}`);
      await expect(checkPayload(payload, "payload")).rejects.toThrow(`payload: features.${name}: got a name`);
    }
    expect([...(await checkPayload({ features: { toString: { rules: [RULE] } } }, "p")).lists.keys()]).toHaveLength(1);
  });

  test("where it is too long, or no JSON", async () => {
    await expect(readPayload(new Uint8Array(MAX_PAYLOAD_BYTES + 1), "p")).rejects.toThrow(
      "p: got 1048577 bytes, expected at most 1048576",
    );
    await expect(readPayload(new TextEncoder().encode('{"features":'), "p")).rejects.toThrow("p: not JSON");
  });
});

test("a pointer is read, or is known to be a payload itself", () => {
  const pointer = { payload: "0".repeat(64), since: 1 };
  expect(readExperimentsPointer(writeExperimentsPointer(pointer))).toEqual({ version: 1, ...pointer });
  expect(readExperimentsPointer('{"features": {}}')).toBeNull();
  expect(() => readExperimentsPointer('{"version": 2}')).toThrow("experiments: version: got 2, expected 1");
  expect(() => readExperimentsPointer('{"version": 1, "payload": "x", "since": 1}')).toThrow(
    'experiments: payload: got "x"',
  );
});

test("an arm's policy has the slots that are shown, and no more", () => {
  const drawn = parseArm(B);
  expect(policyOf(drawn, 100)).toEqual({ ...B.policy, k: 10 });
  expect(policyOf(drawn, 5)).toEqual({ ...B.policy, k: 5 });
  expect(policyOf(drawn, 0)).toEqual({ ...B.policy, k: 1 });
  expect(policyOf(parseArm({ ...A, arm: "b", model: "ads", policy: B.policy }), 2000)).toMatchObject({ k: 1000 });
  expect(policyOf(parseArm(A), 5)).toEqual({ policy: "greedy" });
});

test("the hash of the documents, in its own words, gives the buckets that they show", async () => {
  const text = readFileSync(new URL("../../docs/experiments.md", import.meta.url), "utf8");
  const [, code = ""] = /```js\n(function fnv1a[\s\S]*?)```/.exec(text) ?? [];
  const { fnv1a, bucketOf } = new Function(`${code}; return { fnv1a, bucketOf };`)();
  const rows = [...text.matchAll(/^\| `(visitor-\d+)` +\| (\d+) +\| (\d+) +\| the (first|second)/gm)];
  expect(rows).toHaveLength(5);
  const rule = { ...RULE, seed: "ranker:1", coverage: 1 };
  const evaluator = new Evaluator(await check(rule));
  for (const [, uid = "", hash, bucket, arm] of rows) {
    const assigned = evaluator.assign("home", { uid }, null);
    expect([fnv1a(`ranker:1${uid}`), bucketOf("ranker:1", uid)]).toEqual([Number(hash), Number(bucket)]);
    expect([assigned?.unit?.bucket, assigned?.arm.arm]).toEqual([Number(bucket), arm === "first" ? "a" : "b"]);
  }
  const from = text.match(/`(visitor-\d+)` is in from a coverage of (\d+) % on, and\s+`(visitor-\d+)` from (\d+) % on/);
  const [, early = "", earlyFrom, late = "", lateFrom] = from ?? [];
  for (const [uid, percent] of [
    [early, Number(earlyFrom)],
    [late, Number(lateFrom)],
  ] as const)
    for (const [coverage, isIn] of [
      [percent / 100, true],
      [(percent - 1) / 100, false],
    ] as const) {
      const some = new Evaluator(await check({ ...rule, coverage }));
      expect((some.assign("home", { uid }, null)?.unit ?? null) !== null, `${uid} at ${coverage}`).toBe(isIn);
    }
});
