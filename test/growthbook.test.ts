import { existsSync, readFileSync } from "node:fs";
import {
  evalCondition,
  GrowthBook,
  GrowthBookClient,
  type StickyAssignmentsDocument,
  StickyBucketService,
} from "@growthbook/growthbook";
import { describe, expect, it } from "vitest";
import { sharedPath } from "./trainer/shared-data.ts";

// The cases that GrowthBook publishes for its SDKs, on the library in the version that is installed. The Worker assigns
// units by it, and analyses count on its buckets.

// biome-ignore lint/suspicious/noExplicitAny: a case has values of any kind, and the library's types are generic
type Args = any[];
type Name = string;

const path = sharedPath("growthbook/cases.json");
const there = existsSync(path);
const cases: Record<Name, Args[]> = there ? JSON.parse(readFileSync(path, "utf8")) : {};
const run = there ? describe : describe.skip;

/** Functions that the library does not export, from the file that has them. */
const util = await import(new URL("../node_modules/@growthbook/growthbook/dist/esm/util.mjs", import.meta.url).href);

/** A client, and the context of one user, as a case has them in one. */
function clientOf({ features, savedGroups, contextualBandits, enabled, qaMode, ...user }: Args[number]) {
  const client = new GrowthBookClient({ enabled, qaMode });
  return { client: client.initSync({ payload: { features, savedGroups, contextualBandits } }), user };
}

const rounded = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (_, x) => (typeof x === "number" ? Number(x.toFixed(6)) : x));

/** What a case expects, by the name of its group: the arguments of a case are those of the group's own test. */
const JUDGES: Record<Name, (...args: Args) => unknown> = {
  evalCondition: (_, condition, value, expected, groups = {}) =>
    expect(evalCondition(value, condition, groups)).toEqual(expected),
  hash: (seed, value, version, expected) => expect(util.hash(seed, value, version)).toEqual(expected),
  getBucketRange: (_, [count, coverage, weights], expected) =>
    expect(rounded(util.getBucketRanges(count, coverage, weights ?? undefined))).toEqual(rounded(expected)),
  feature(_, context, key, expected) {
    const { client, user } = clientOf(context);
    expect(client.evalFeature(key, user)).toMatchObject(expected);
  },
  run(_, context, experiment, value, inExperiment, hashUsed) {
    const { client, user } = clientOf(context);
    expect(client.runInlineExperiment(experiment, user)).toMatchObject({ value, inExperiment, hashUsed });
  },
  chooseVariation: (_, n, ranges, expected) => expect(util.chooseVariation(n, ranges)).toBe(expected),
  getQueryStringOverride: (_, key, url, count, expected) =>
    expect(util.getQueryStringOverride(key, url, count)).toBe(expected),
  inNamespace: (_, id, namespace, expected) => expect(util.inNamespace(id, namespace)).toBe(expected),
  getEqualWeights: (count, expected) => expect(rounded(util.getEqualWeights(count))).toEqual(rounded(expected)),
  async decrypt(_, text, key, expected) {
    const plain = await util.decrypt(text, key).catch(() => null);
    expect(plain).toBe(expected);
  },
  async stickyBucket(_, context, documents, key, expected, expectedDocuments) {
    const { client, user } = clientOf(context);
    const service = new Documents(documents);
    const given = user.stickyBucketAssignmentDocs;
    for (const document of Object.values(given ?? {}))
      await service.saveAssignments(document as StickyAssignmentsDocument);
    const applied = await client.applyStickyBuckets(user, service);
    expect(client.evalFeature(key, applied).experimentResult ?? null).toEqual(expected);
    await Promise.resolve();
    expect(applied.stickyBucketAssignmentDocs).toEqual(expectedDocuments);
  },
  async urlRedirect(_, context, expected) {
    const found: object[] = [];
    const urls: string[] = [];
    const growthbook = new GrowthBook({
      ...context,
      navigate: (url) => void urls.push(url),
      trackingCallback: (_experiment, { inExperiment, value: { urlRedirect } }) =>
        void found.push({ inExperiment, urlRedirect }),
    });
    await growthbook.setURL(context.url);
    expect(found.map((one, i) => ({ ...one, urlWithParams: urls[i] }))).toEqual(expected);
    growthbook.destroy();
  },
  contextualBandit(_, context, key, expected) {
    const { client, user } = clientOf(context);
    expect(client.evalFeature(key, user)).toMatchObject(expected);
  },
};

class Documents extends StickyBucketService {
  readonly #documents = new Map<string, StickyAssignmentsDocument>();

  constructor(documents: readonly StickyAssignmentsDocument[]) {
    super();
    for (const document of documents) void this.saveAssignments(document);
  }

  async getAssignments(name: string, value: string): Promise<StickyAssignmentsDocument | null> {
    return this.#documents.get(`${name}||${value}`) ?? null;
  }

  async saveAssignments(document: StickyAssignmentsDocument): Promise<void> {
    this.#documents.set(`${document.attributeName}||${document.attributeValue}`, document);
  }
}

run(`the 517 cases of GrowthBook${there ? "" : ": skipped, no ../shared/data"}`, () => {
  it.each(Object.keys(JUDGES))("%s", async (group) => {
    const wrong: string[] = [];
    for (const [i, args] of (cases[group] ?? []).entries()) {
      try {
        await JUDGES[group]?.(...args);
      } catch (error) {
        wrong.push(`${i} ${args[0]}: ${error}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it("are all judged", () => {
    const counts = Object.keys(JUDGES).map((group) => cases[group]?.length ?? 0);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(517);
    expect(Object.keys(cases).filter((group) => Array.isArray(cases[group]) && !(group in JUDGES))).toEqual([]);
  });
});
