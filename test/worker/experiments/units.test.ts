import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import type { Exposure } from "../../../format/exposure.ts";
import { sha256, toHex } from "../../../format/hash.ts";
import { readMacKeys } from "../../../format/mac.ts";
import { PREVIEW_PARAMETER, writePreview } from "../../../format/preview.ts";
import { seedRandomBytes } from "../../../testing/format/seeded-bytes.ts";
import { LIST_COOKIE } from "../../../worker/events/list-cookie.ts";
import { STICKY_COOKIE } from "../../../worker/experiments/sticky-cookie.ts";
import { UNIT_COOKIE } from "../../../worker/experiments/visitor.ts";
import { loggedErrors, type TestBindings } from "../client.ts";
import { makeModel, publishTiny } from "../tiny-model.ts";
import { listOf, publishPayload, SECRETS, startExperiments } from "./experiment-worker.ts";

const ARMS = ["a", "b"].map((arm) => ({ arm, model: null }));
const CONSENT = { CONSENT_COOKIE: "consent=yes", EXPERIMENT_UNITS: "visitor=anonymous" };

beforeAll(async () => {
  await reset();
  await publishTiny(env.MODELS, await makeModel(1));
});

interface Seen {
  /** Null: the list was in no experiment. */
  line: Exposure | null;
  arm: string | null;
  /** By name, with its attributes. */
  cookies: Record<string, string>;
}

type Started = ReturnType<typeof startExperiments>;

/** Asks for a list of one candidate. */
async function ask(
  worker: Started,
  headers: Record<string, string> = {},
  context: object = {},
  query = "",
): Promise<Seen> {
  const body = JSON.stringify({ experiment: "home", context, candidates: [{ ad: "ad1" }], ids: ["x"] });
  const all = { "content-type": "application/json", ...headers };
  const response = await worker.fetch(`/v1/rank${query}`, { method: "POST", headers: all, body });
  expect(response.status).toBe(200);
  const { experiment } = await response.json<{ experiment?: { arm: string } }>();
  const cookies = response.headers.getSetCookie().map((cookie) => cookie.split(/=(.*)/s).slice(0, 2));
  return {
    line: worker.log.lines.splice(0)[0] ?? null,
    arm: experiment?.arm ?? null,
    cookies: Object.fromEntries(cookies),
  };
}

/** A Worker whose one experiment hashes units by an attribute. */
async function startBy(hashAttribute: string, bindings: TestBindings = {}, rule: object = {}): Promise<Started> {
  await publishPayload({ features: { home: listOf(ARMS, { hashAttribute, ...rule }) } });
  return startExperiments(bindings);
}

test("a unit is a cookie, a header or a field of the context, the first of them that is there", async () => {
  const worker = await startBy("uid", { EXPERIMENT_UNITS: "uid=cookie:sid uid=header:x-user uid=context:site" });
  const [cookie, header] = [{ cookie: "other=1; sid=site7; last=2" }, { "x-user": "site7" }];
  const { line, arm, cookies } = await ask(worker, cookie);
  expect(line).toMatchObject({ u: expect.stringMatching(/^[0-9a-f]{16}$/), arm });
  expect(cookies).toEqual({});
  for (const same of [await ask(worker, header), await ask(worker, {}, { site: "site7" })])
    expect([same.line?.u, same.line?.b, same.arm]).toEqual([line?.u, line?.b, arm]);
  const both = await ask(worker, { ...cookie, "x-user": "site8" });
  expect(both.line?.u).toBe(line?.u);
  expect((await ask(worker, { "x-user": "site8" })).line?.u).not.toBe(line?.u);
});

test("without a unit nothing is assigned, logged or stored", async () => {
  const worker = await startBy("uid", { EXPERIMENT_UNITS: "uid=cookie:sid" });
  const nothing = { line: null, arm: null, cookies: {} };
  for (const headers of [{}, { cookie: "sid=" }, { cookie: "sid" }, { cookie: `sid=${"x".repeat(1025)}` }])
    expect(await ask(worker, headers)).toEqual(nothing);
  // A field of the context is no cookie, whatever it is called.
  expect(await ask(await startBy("site", { EXPERIMENT_UNITS: "site=cookie:sid" }), {}, { site: "site1" })).toEqual(
    nothing,
  );
  for (const site of [true, null]) expect((await ask(await startBy("site"), {}, { site })).arm).toBeNull();
});

test("an id that is not ASCII is hashed first, and a number is its text", async () => {
  const worker = await startBy("site");
  const [id, number] = [await ask(worker, {}, { site: "Zoë" }), await ask(worker, {}, { site: 12 })];
  const hash = toHex(await sha256(new TextEncoder().encode("Zoë")));
  expect(await ask(worker, {}, { site: hash })).toMatchObject({ arm: id.arm, line: { u: id.line?.u, b: id.line?.b } });
  expect(await ask(worker, {}, { site: "12" })).toMatchObject({ arm: number.arm, line: { u: number.line?.u } });
});

test("a condition compares an id as it came: a number with numbers", async () => {
  const rule = { condition: { site: { $in: [0, 12] } }, filters: [{ seed: "f", ranges: [[0, 1]], attribute: "site" }] };
  const worker = await startBy("site", {}, rule);
  const isIn = async (site: unknown): Promise<boolean> => (await ask(worker, {}, { site })).line !== null;
  expect([await isIn(12), await isIn(13), await isIn("12")]).toEqual([true, false, false]);
  const plain = await startBy("site");
  expect((await ask(plain, {}, { site: 0 })).line?.u).toBe((await ask(plain, {}, { site: "0" })).line?.u);
  const consent = { CONSENT_COOKIE: "consent=yes" };
  const sticky = await startBy("site", consent, { bucketVersion: 1 });
  const first = await ask(sticky, { cookie: "consent=yes" }, { site: 12 });
  const held = `consent=yes; ${STICKY_COOKIE}=${String(first.cookies[STICKY_COOKIE]).split(";")[0]}`;
  for (const seed of ["b", "c", "d", "e"]) {
    const moved = await startBy("site", consent, { bucketVersion: 1, seed });
    expect((await ask(moved, { cookie: held }, { site: 12 })).arm).toBe(first.arm);
  }
});

test("integers that JSON.parse has rounded and texts of no UTF-8 are no ids, as two of them may be one", async () => {
  const worker = await startBy("site");
  const texts = ['"\\ud800"', '"a\\udfff"', '"a\\ufffd"'];
  for (const site of ["12345678901234567890", "12345678901234567891", "1e300", ...texts]) {
    const body = `{"experiment":"home","context":{"site":${site}},"candidates":[{"ad":"ad1"}],"ids":["x"]}`;
    await worker.post("/v1/rank", body);
    expect(worker.log.lines, site).toEqual([]);
  }
  expect((await ask(worker, {}, { site: 2 ** 53 - 1 })).line).not.toBeNull();
});

test("conditions see no attribute of more than 1,024 characters, and end soon on one of these", async () => {
  const worker = await startBy("site", {}, { condition: { device: { $regex: "^a*a*!" } } });
  const isIn = async (device: unknown): Promise<boolean> =>
    (await ask(worker, {}, { site: "site1", device })).line !== null;
  expect(await isIn(`${"a".repeat(1023)}!`)).toBe(true);
  expect(await isIn("a".repeat(1024))).toBe(false);
  expect(await isIn(`!${"a".repeat(1024)}`)).toBe(false);
  expect(await isIn(`${"a".repeat(1024)}!`)).toBe(false);
});

test("an anonymous id is made only where the consent cookie says yes", async () => {
  const worker = await startBy("visitor", CONSENT);
  for (const cookie of ["", "consent=no", "consent=yesterday", "xconsent=yes"])
    expect(await ask(worker, { cookie })).toEqual({ line: null, arm: null, cookies: {} });
  const first = await ask(worker, { cookie: "consent=yes" });
  expect(first.arm).not.toBeNull();
  const value = String(first.cookies[UNIT_COOKIE]);
  expect(value).toMatch(/^[0-9a-f]{32}\.[0-9a-f]{24}; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=34560000$/);
  const own = `${UNIT_COOKIE}=${value.split(";")[0]}`;
  const again = await ask(worker, { cookie: `consent=yes; ${own}` });
  expect([again.arm, again.line?.u, again.cookies]).toEqual([first.arm, first.line?.u, {}]);
  // Consent that is taken back takes the id with it.
  const after = await ask(worker, { cookie: own });
  expect([after.arm, after.cookies[UNIT_COOKIE]]).toEqual([
    null,
    "; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0",
  ]);
});

test("consent that is taken back takes all cookies of the Worker's with it, and no other Worker's", async () => {
  const stored = [UNIT_COOKIE, STICKY_COOKIE, LIST_COOKIE].map((name) => [name, "x"] as const);
  const cookie = stored.map((pair) => pair.join("=")).join("; ");
  const deleted = "; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0";
  const all = Object.fromEntries(stored.map(([name]) => [name, deleted]));
  const bindings = { CONSENT_COOKIE: "consent=yes", EXPERIMENT_UNITS: "uid=cookie:sid" };
  const orAnonymous = "uid=cookie:sid uid=anonymous";
  for (const [overrides, said, expected] of [
    [bindings, "", all],
    [bindings, "consent=yes; ", {}],
    // The visitor's own id comes first, and the anonymous one is looked at no more.
    [{ ...bindings, EXPERIMENT_UNITS: orAnonymous }, "", all],
    [{ ...bindings, EXPERIMENT_UNITS: orAnonymous }, "consent=yes; ", {}],
    // Nobody is in an experiment.
    [{ ...bindings, EXPERIMENTS: "off" }, "", all],
    [{ ...bindings, EXPERIMENTS: "off" }, "consent=yes; ", {}],
    [{ ...bindings, EXPERIMENT_SECRETS: "" }, "", all],
    // Nobody is asked for consent.
    [{ EXPERIMENT_UNITS: orAnonymous }, "", all],
    [{ EXPERIMENT_UNITS: "uid=cookie:sid" }, "", {}],
  ] as const) {
    const worker = await startBy("uid", overrides);
    expect((await ask(worker, { cookie: `${said}sid=1; ${cookie}` })).cookies).toEqual(expected);
    expect((await ask(worker, { cookie: `${said}sid=1` })).cookies).toEqual({});
  }
});

test("consent may be a part of a cookie's value, escaped or not", async () => {
  const worker = await startBy("visitor", { ...CONSENT, CONSENT_COOKIE: "cc~statistics:true" });
  for (const cookie of ["cc={statistics:true,marketing:false}", 'cc="statistics:true"', "cc=%7Bstatistics%3Atrue%7D"])
    expect((await ask(worker, { cookie })).arm, cookie).not.toBeNull();
  for (const cookie of ["cc={statistics:false}", "cc=%zz"])
    expect((await ask(worker, { cookie })).arm, cookie).toBeNull();
});

test("a cookie that is tampered with counts as absent, and one of an older secret is signed anew", async () => {
  using _bytes = seedRandomBytes(1); // of another tag, all might be digits, whose upper case is the same
  const old = await startBy("visitor", { ...CONSENT, EXPERIMENT_SECRETS: SECRETS[1] });
  const first = await ask(old, { cookie: "consent=yes" });
  const [value = ""] = String(first.cookies[UNIT_COOKIE]).split(";");
  const [id = "", tag = ""] = value.split(".");
  const flipped = (text: string): string => (text[0] === "0" ? "1" : "0") + text.slice(1);
  for (const forged of [
    `${flipped(id)}.${tag}`,
    `${id}.${flipped(tag)}`,
    id,
    `.${tag}`,
    `${value}0`,
    "x",
    `${id}.${tag.toUpperCase()}`,
  ]) {
    const seen = await ask(old, { cookie: `consent=yes; ${UNIT_COOKIE}=${forged}` });
    expect(seen.line?.u, forged).not.toBe(first.line?.u);
    expect(String(seen.cookies[UNIT_COOKIE]).slice(0, 32), forged).not.toBe(id);
  }
  const rotated = startExperiments({ ...CONSENT, EXPERIMENT_SECRETS: SECRETS.join(" ") });
  const cookie = `consent=yes; ${UNIT_COOKIE}=${value}`;
  const seen = await ask(rotated, { cookie });
  // The unit is hashed with the secret that was there first, so that it stays one unit in the log.
  expect([seen.arm, seen.line?.u]).toEqual([first.arm, first.line?.u]);
  expect(seen.cookies[UNIT_COOKIE]).toMatch(new RegExp(`^${id}\\.(?!${tag})`));
  const without = startExperiments({ ...CONSENT, EXPERIMENT_SECRETS: SECRETS[0] });
  expect(String((await ask(without, { cookie })).cookies[UNIT_COOKIE]).slice(0, 32)).not.toBe(id);
});

test("a preview shows the arm that it names, is marked, and nobody else can make one", async () => {
  // As long as a name may be, and longest where it is escaped.
  const experiment = `ranker: ${"新".repeat(120)}`;
  const worker = await startBy("uid", { EXPERIMENT_UNITS: "uid=cookie:sid" }, { key: experiment });
  const [key] = readMacKeys(SECRETS[0], "secrets");
  const now = worker.clock.ms / 1000;
  const url = (arm: string, expires: number): string => {
    const value = writePreview(key, { experiment, arm }, expires);
    return `?q=1&${new URLSearchParams({ [PREVIEW_PARAMETER]: value })}`;
  };
  for (const arm of ["a", "b"]) {
    const seen = await ask(worker, {}, {}, url(arm, now + 10));
    expect(seen).toMatchObject({ arm, line: { arm, flags: "v", u: "0".repeat(16) } });
    const withUnit = await ask(worker, { cookie: "sid=u1" }, {}, url(arm, now + 10));
    expect(withUnit).toMatchObject({ arm, line: { arm, flags: "v", u: expect.stringMatching(/[1-9a-f]/) } });
  }
  expect(await worker.metrics()).not.toMatch(/assignments_total\{/);
  for (const refused of [
    url("a", now - 1),
    url("c", now + 10),
    url("a", now + 10).replace("%3Aa%3A", "%3Ab%3A"),
    `?${PREVIEW_PARAMETER}=`,
    `?${PREVIEW_PARAMETER}=%ff`,
    `?${PREVIEW_PARAMETER}=${"a".repeat(2000)}`,
  ])
    expect((await ask(worker, {}, {}, refused)).arm, refused).toBeNull();
});

test("robots and prefetches are marked", async () => {
  const worker = await startBy("site");
  const flags = async (headers: Record<string, string>): Promise<string | undefined> =>
    (await ask(worker, headers, { site: "site1" })).line?.flags;
  expect(await flags({ "user-agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0" })).toBeUndefined();
  expect(await flags({ "user-agent": "Mozilla/5.0 (compatible; Googlebot/2.1)" })).toBe("b");
  expect(await flags({ "user-agent": "curl/8.5.0", "sec-purpose": "prefetch;prerender" })).toBe("bp");
  for (const purpose of [{ purpose: "prefetch" }, { "x-purpose": "preview" }, { "x-moz": "prefetch" }])
    expect(await flags(purpose), JSON.stringify(purpose)).toBe("p");
});

test("a unit keeps its arm where the payload asks for a sticky document, and nowhere else", async () => {
  const bindings = { CONSENT_COOKIE: "consent=yes", EXPERIMENT_UNITS: "uid=cookie:sid" };
  const other = { seed: "another seed" };
  const arms: Record<string, (string | null)[]> = { sticky: [], stateless: [] };
  for (const [name, rule] of Object.entries({ sticky: { bucketVersion: 1 }, stateless: {} }))
    for (let unit = 0; unit < 8; unit++) {
      const cookie = `consent=yes; sid=unit-${unit}`;
      const worker = await startBy("uid", bindings, rule);
      const first = await ask(worker, { cookie });
      expect(Object.keys(first.cookies)).toEqual(name === "sticky" ? [STICKY_COOKIE] : []);
      const [value = ""] = String(first.cookies[STICKY_COOKIE]).split(";");
      const held = `${STICKY_COOKIE}=${value}`;
      const moved = await startBy("uid", bindings, { ...rule, ...other });
      const again = await ask(moved, { cookie: `${cookie}; ${held}` });
      arms[name]?.push(again.arm === first.arm ? "same" : "other");
      // Another unit in the same browser, a document that somebody made, or no consent: all of that is no document.
      if (name === "stateless") continue;
      const plain = await ask(moved, { cookie });
      const forged = `${STICKY_COOKIE}=${value.replace(/^./, "A")}`;
      expect((await ask(moved, { cookie: `${cookie}; ${forged}` })).arm).toBe(plain.arm);
      expect(await ask(moved, { cookie: `sid=unit-${unit}; ${held}` })).toMatchObject({ arm: plain.arm, cookies: {} });
    }
  expect(new Set(arms.sticky)).toEqual(new Set(["same"]));
  expect(new Set(arms.stateless)).toEqual(new Set(["same", "other"]));
});

test("a unit keeps what a prerequisite gave it, where that asks for a sticky document", async () => {
  const bindings = { CONSENT_COOKIE: "consent=yes", EXPERIMENT_UNITS: "uid=cookie:sid" };
  const startWith = async (seed: string): Promise<Started> => {
    const meta = [{ key: "in" }, { key: "out" }];
    const sticky = { key: "holdout", hashVersion: 2, hashAttribute: "uid", seed, bucketVersion: 1, meta };
    const hold = { defaultValue: "in", rules: [{ ...sticky, variations: ["in", "out"] }] };
    const parentConditions = [{ id: "hold", condition: { value: "in" } }];
    await publishPayload({ features: { hold, home: listOf(ARMS, { hashAttribute: "uid", parentConditions }) } });
    return startExperiments(bindings);
  };
  const units = Array.from({ length: 12 }, (_, n) => `consent=yes; sid=unit-${n}`);
  const first = await startWith("a seed");
  const seen = await Promise.all(units.map((cookie) => ask(first, { cookie })));
  const moved = await startWith("another seed");
  const [kept, drawn]: [(string | null)[], (string | null)[]] = [[], []];
  for (const [n, cookie] of units.entries()) {
    const [value = ""] = String(seen[n]?.cookies[STICKY_COOKIE]).split(";");
    kept.push((await ask(moved, { cookie: `${cookie}; ${STICKY_COOKIE}=${value}` })).arm);
    drawn.push((await ask(moved, { cookie })).arm);
  }
  expect(kept).toEqual(seen.map(({ arm }) => arm));
  expect(drawn).not.toEqual(kept);
  expect(kept).toContain(null);
});

test("while secrets are rotated a unit keeps its name in the log, its document and its preview", async () => {
  const [fresh, old] = SECRETS;
  const preview = new URLSearchParams({
    [PREVIEW_PARAMETER]: writePreview(readMacKeys(old, "secrets")[0], { experiment: "ranker", arm: "b" }, 1e10),
  });
  let document: string | undefined;
  const seen: Record<string, unknown>[] = [];
  for (const bindings of [
    { EXPERIMENT_SECRETS: old },
    { EXPERIMENT_SECRETS: `${fresh} ${old}` },
    { EXPERIMENT_SECRETS: fresh, UNIT_SECRET: old },
    { EXPERIMENT_SECRETS: fresh },
  ]) {
    const all = { ...bindings, CONSENT_COOKIE: "consent=yes", EXPERIMENT_UNITS: "uid=cookie:sid" };
    const worker = await startBy("uid", all, { bucketVersion: 1 });
    const cookie = `consent=yes; sid=unit-1${document === undefined ? "" : `; ${STICKY_COOKIE}=${document}`}`;
    const { line, cookies } = await ask(worker, { cookie });
    const set = cookies[STICKY_COOKIE]?.split(";")[0];
    document = set ?? document;
    const again = await ask(worker, { cookie: `consent=yes; sid=unit-1; ${STICKY_COOKIE}=${document}` });
    const previewed = (await ask(worker, { cookie }, {}, `?${preview}`)).line;
    seen.push({ u: line?.u, isSet: set !== undefined, isKept: !again.cookies[STICKY_COOKIE], flags: previewed?.flags });
  }
  const [{ u } = {}, , , { u: other } = {}] = seen;
  expect(seen).toEqual([
    { u, isSet: true, isKept: true, flags: "v" },
    // The document is signed by the new secret from now on.
    { u, isSet: true, isKept: true, flags: "v" },
    { u, isSet: false, isKept: true, flags: undefined },
    { u: other, isSet: true, isKept: true, flags: undefined },
  ]);
  expect(other).not.toBe(u);
});

test.each([
  [{ EXPERIMENT_UNITS: "uid" }, 'EXPERIMENT_UNITS: got "uid", expected entries such as uid=cookie:uid'],
  [{ EXPERIMENT_UNITS: "uid=cookie:" }, "EXPERIMENT_UNITS: got "],
  [{ CONSENT_COOKIE: "consent" }, 'CONSENT_COOKIE: got "consent", expected name=value'],
  [{ EXPOSURE_KEEP: 0 }, "EXPOSURE_KEEP: got 0, expected a number from 2.3283064365386963e-10 to 1"],
  [{ EXPOSURE_KEEP: "1e-300" }, 'EXPOSURE_KEEP: got "1e-300"'],
  [{ EXPOSURE_KEEP: "half" }, 'EXPOSURE_KEEP: got "half"'],
])("a setting that is wrong is refused: %j", async (bindings, detail) => {
  const response = await startExperiments(bindings).post("/v1/rank", {});
  expect(await response.json()).toMatchObject({ status: 503, detail: expect.stringContaining(detail) });
});

test("an answer in the order of the request, as no model serves, deletes what it must as any other", async () => {
  loggedErrors();
  const worker = await startBy("visitor", { ...CONSENT, MODEL_KEYS: "dGVzdA==" });
  const response = await worker.fetch("/v1/rank", {
    method: "POST",
    headers: { "content-type": "application/json", cookie: `${UNIT_COOKIE}=any; ${STICKY_COOKIE}=any` },
    body: JSON.stringify({ experiment: "search", candidates: [{ ad: "ad1" }], ids: ["x"], fallback: "order" }),
  });
  expect(await response.json()).toMatchObject({ items: [{ id: "x", rank: 1 }], fallback: { to: "order" } });
  const deleted = response.headers.getSetCookie().map((cookie) => cookie.split(";")[0]);
  expect(new Set(deleted)).toEqual(new Set([`${UNIT_COOKIE}=`, `${STICKY_COOKIE}=`]));
});
