import { type ConversionConfig, toJsonSchema } from "@valibot/to-json-schema";
import { ArmSchema } from "../../format/arm.ts";
import type { ModelBlob } from "../../format/blob.ts";
import { EncodedRecords } from "../../format/encoded-records.ts";
import { ListEventSchema } from "../../format/event.ts";
import { ExposureSchema } from "../../format/exposure.ts";
import { sha256, toHex } from "../../format/hash.ts";
import { writeHistory } from "../../format/history.ts";
import { pageDigest } from "../../format/page.ts";
import { writeDefault, writePointer } from "../../format/pointer.ts";
import { writePublishedManifest } from "../../format/published-manifest.ts";
import { readBlob } from "../../format/read-blob.ts";
import { RecordEncoder } from "../../format/record.ts";
import { sealBlob } from "../../format/seal.ts";
import { readSigningKey } from "../../format/signature.ts";
import { FeatureSpecSchema } from "../../format/spec.ts";
import { writeBlob } from "../../format/write-blob.ts";
import { writePatch } from "../../format/write-patch.ts";
import { PlanSchema } from "../../lab/analysis/experiment/plan.ts";
import { AnalysisSchema } from "../../lab/analysis/experiment/result.ts";
import { ComparedSchema, IntervalSchema, VerdictSchema } from "../../lab/analysis/experiment/result-metrics.ts";
import { SearchSpaceSchema } from "../../lab/tune/space.ts";
import { VERSION } from "../../trainer/io/project.ts";
import { openApiDocument } from "../openapi/document.ts";
import { playgroundJson } from "../playground/build.ts";
import { dumpBlob, dumpPage } from "./dump.ts";
import { RECORD_CASES, toJsonValue } from "./golden-records.ts";
import { forwardItem, referenceScore } from "./reference.ts";
import {
  TINY_RECORDS,
  TINY_ROW_TYPES,
  tinyModel,
  tinyPage,
  tinyPlatt,
  tinyPnn,
  tinySpline,
  tinyTowers,
} from "./tiny.ts";
import {
  CATALOGUE_PAIRS,
  CATALOGUE_RECORDS,
  cataloguePages,
  entriesPage,
  itemNumber,
  tinyCatalogue,
  tinyEntries,
  tinyIsotonic,
} from "./tiny-catalogue.ts";

// The files that scripts/golden.ts writes and that the tests compare, from the code as it is now. The files in
// test/golden/v4/ to v7/ are not among them: no code writes those formats any more, and they stay as they are.

const encoder = new TextEncoder();

/** Every generated file, by its path from the repository's root. */
export async function goldenFiles(formatMd: string): Promise<Map<string, Uint8Array>> {
  const blob = await goldenBlob(await tinyModel());
  const spline = await goldenBlob(await tinySpline());
  const pnn = await goldenBlob(await tinyPnn());
  const towers = await goldenBlob(await tinyTowers());
  const page = tinyPage();
  const catalogue = await goldenBlob(await tinyCatalogue(), CATALOGUE_RECORDS);
  const cataloguePage = cataloguePages();
  const entries = await goldenBlob(await tinyEntries(), CATALOGUE_RECORDS);
  const platt = await goldenBlob(await tinyPlatt());
  const isotonic = await goldenBlob(await tinyIsotonic(), CATALOGUE_RECORDS);
  const others = await Promise.all(
    Object.entries(TINY_ROW_TYPES).map(async ([name, rowType]) => {
      const files = { blob: await goldenBlob(await tinyModel(rowType)), page: tinyPage(rowType) };
      return [
        [`test/golden/${name}.blob.bin`, files.blob],
        [`test/golden/${name}.page.bin`, files.page],
        [`test/golden/${name}.scores.json`, encoder.encode(scoresJson(files.blob, [files.page]))],
      ] as const;
    }),
  );
  return new Map([
    ...others.flat(),
    ["test/golden/tiny.blob.bin", blob],
    ["test/golden/tiny.page.bin", page],
    ["test/golden/tiny.scores.json", encoder.encode(scoresJson(blob, [page]))],
    ["test/golden/spline.blob.bin", spline],
    ["test/golden/spline.scores.json", encoder.encode(scoresJson(spline, [page]))],
    ["test/golden/pnn.blob.bin", pnn],
    ["test/golden/pnn.scores.json", encoder.encode(scoresJson(pnn, [page]))],
    ["test/golden/towers.blob.bin", towers],
    ["test/golden/towers.scores.json", encoder.encode(scoresJson(towers, [page]))],
    ["test/golden/catalogue.blob.bin", catalogue],
    ...cataloguePage.map((bytes, i) => [`test/golden/catalogue.page${i}.bin`, bytes] as const),
    ["test/golden/catalogue.scores.json", encoder.encode(linesJson(catalogueScores(catalogue, cataloguePage)))],
    ["test/golden/entries.blob.bin", entries],
    ["test/golden/entries.items0.bin", entriesPage()],
    ["test/golden/entries.scores.json", encoder.encode(linesJson(catalogueScores(entries, cataloguePage)))],
    ["test/golden/platt.blob.bin", platt],
    ["test/golden/platt.scores.json", encoder.encode(scoresJson(platt, [page]))],
    ["test/golden/isotonic.blob.bin", isotonic],
    ["test/golden/isotonic.scores.json", encoder.encode(linesJson(catalogueScores(isotonic, cataloguePage)))],
    ...(await storeFiles(blob, page)),
    ["test/golden/store/spline-of-tiny.patch.bin", await goldenPatch(blob, spline)],
    ["test/golden/records.json", encoder.encode(recordsJson())],
    ["format/feature-spec.schema.json", encoder.encode(`${JSON.stringify(specJsonSchema(), null, 2)}\n`)],
    ["format/arm.schema.json", encoder.encode(`${JSON.stringify(armJsonSchema(), null, 2)}\n`)],
    ["format/exposure.schema.json", encoder.encode(`${JSON.stringify(exposureJsonSchema(), null, 2)}\n`)],
    ["format/event.schema.json", encoder.encode(`${JSON.stringify(eventJsonSchema(), null, 2)}\n`)],
    ["lab/tune/search-space.schema.json", encoder.encode(`${JSON.stringify(spaceJsonSchema(), null, 2)}\n`)],
    ["lab/analysis/experiment/plan.schema.json", encoder.encode(`${JSON.stringify(planJsonSchema(), null, 2)}\n`)],
    [
      "lab/analysis/experiment/analysis.schema.json",
      encoder.encode(`${JSON.stringify(analysisJsonSchema(), null, 2)}\n`),
    ],
    ["worker/playground.json", encoder.encode(await playgroundJson())],
    ["worker/openapi.json", encoder.encode(`${JSON.stringify(openApiDocument(VERSION), null, 2)}\n`)],
    ["format/FORMAT.md", encoder.encode(withDumps(formatMd, blob, page))],
  ]);
}

/** What a store holds of the golden model beside its blob and its page. */
async function storeFiles(blob: Uint8Array, page: Uint8Array): Promise<[path: string, bytes: Uint8Array][]> {
  const [version, digest] = [toHex(await sha256(blob)), await pageDigest(page)];
  const time = Date.UTC(2026, 0, 1);
  const publication = { version, time, metrics: { auc: 0.75, logloss: 0.5 }, bytes: blob.length, note: "The first." };
  const files = {
    pointer: writePointer({ version, since: time, deadline: 50, previous: null }),
    default: writeDefault("tiny"),
    history: writeHistory([publication]),
    manifest: writePublishedManifest({ model: "tiny", bytes: blob.length, base: null, pageDigests: digest }),
    earlier: JSON.stringify({ model: "tiny", version }),
  };
  return Object.entries(files).map(([name, text]) => [`test/golden/store/${name}.json`, encoder.encode(`${text}\n`)]);
}

/** The patch that makes one blob of another. */
async function goldenPatch(base: Uint8Array, blob: Uint8Array): Promise<Uint8Array> {
  const patch = writePatch(base, toHex(await sha256(base)), blob);
  if (patch === null) throw new Error("the golden blobs have too little in common for a patch");
  return patch;
}

/** RFC 8032, section 7.1, test 1: a private key that everyone has, and its public key. */
export const PRIVATE_KEY = [
  "-----BEGIN PRIVATE KEY-----",
  "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g",
  "-----END PRIVATE KEY-----",
].join("\n");
export const PUBLIC_KEY = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
/** When the golden blobs say that they were signed. */
const SERIAL = Date.UTC(2026, 0, 1);

/**
 * The bytes of a golden blob. It has evidence, a signature, and records with the logits that the float64 reference
 * gives them.
 */
export async function goldenBlob(model: ModelBlob, raw = TINY_RECORDS): Promise<Uint8Array> {
  const plain = writeBlob(model);
  const records = raw.map((record) => ({ record, logit: referenceScore(plain, [], record).logit }));
  const evidence = { provenance: { note: "made by hand" } };
  const blob = writeBlob({ ...model, evidence, golden: { tolerance: 1e-4, records } });
  await sealBlob(blob, { key: await readSigningKey(PRIVATE_KEY, "RFC 8032"), serial: SERIAL });
  return blob;
}

const JSON_SCHEMA: ConversionConfig = {
  target: "draft-07",
  typeMode: "input",
  // "finite" has no meaning in JSON, which has no other numbers; "check" compares values with each other, which draft 7
  // cannot.
  ignoreActions: ["finite", "check", "raw_check"],
};

/** The JSON Schema of the feature spec, for editors. It lacks what only code can check, such as that names differ. */
export function specJsonSchema(): object {
  const { $schema, ...schema } = toJsonSchema(FeatureSpecSchema, JSON_SCHEMA);
  return { $schema, title: "deepfm-edge feature spec", ...schema };
}

/** The JSON Schema of a search space, for editors. */
export function spaceJsonSchema(): object {
  const { $schema, ...schema } = toJsonSchema(SearchSpaceSchema, JSON_SCHEMA);
  return { $schema, title: "deepfm-edge search space", ...schema };
}

/** The JSON Schema of an arm, for consoles that check the values of a feature. */
function armJsonSchema(): object {
  const { $schema, ...schema } = toJsonSchema(ArmSchema, JSON_SCHEMA);
  return { $schema, title: "deepfm-edge arm", ...schema };
}

/** The JSON Schema of a line of the exposure log. It lacks what only code can check, such as that indices are known. */
function exposureJsonSchema(): object {
  const { $schema, ...schema } = toJsonSchema(ExposureSchema, JSON_SCHEMA);
  return { $schema, title: "deepfm-edge exposure", ...schema };
}

/** The JSON Schema of a line of the event log. */
function eventJsonSchema(): object {
  const { $schema, ...schema } = toJsonSchema(ListEventSchema, JSON_SCHEMA);
  return { $schema, title: "deepfm-edge event", ...schema };
}

/** The JSON Schema of the plan of an experiment's analysis, for editors. */
function planJsonSchema(): object {
  const { $schema, ...schema } = toJsonSchema(PlanSchema, JSON_SCHEMA);
  return { $schema, title: "deepfm-edge analysis plan", ...schema };
}

/** The JSON Schema of what `experiment analyze --json` prints. */
function analysisJsonSchema(): object {
  const definitions = { interval: IntervalSchema, verdict: VerdictSchema, compared: ComparedSchema };
  const { $schema, ...schema } = toJsonSchema(AnalysisSchema, { ...JSON_SCHEMA, definitions });
  return { $schema, title: "deepfm-edge experiment analysis", ...schema };
}

/** The text between `<!-- name -->` and `<!-- /name -->`. */
export function between(text: string, name: string): string {
  const [, rest] = text.split(`<!-- ${name} -->`);
  const [inside, after] = rest?.split(`<!-- /${name} -->`) ?? [];
  if (inside === undefined || after === undefined) throw new Error(`no <!-- ${name} --> … <!-- /${name} -->`);
  return inside;
}

function withDumps(text: string, blob: Uint8Array, page: Uint8Array): string {
  const replaced = (before: string, name: string, dump: string): string =>
    before.replace(
      `<!-- ${name} -->${between(before, name)}`,
      () => `<!-- ${name} -->\n\n\`\`\`text\n${dump}\n\`\`\`\n\n`,
    );
  return replaced(replaced(text, "blob dump", dumpBlob(blob)), "page dump", dumpPage(page));
}

function recordsJson(): string {
  const cases = RECORD_CASES.map(({ spec, records }) => {
    const lines = records.map((record) => {
      const plain = Object.fromEntries(Object.entries(record).map(([name, value]) => [name, toJsonValue(value)]));
      return `    ${JSON.stringify({ record: plain, ...encodedJson(new RecordEncoder(spec), record) })}`;
    });
    return `  {\n   "spec": ${JSON.stringify(spec)},\n   "records": [\n${lines.join(",\n")}\n   ]\n  }`;
  });
  return `[\n${cases.join(",\n")}\n]\n`;
}

/** A record's offsets, keys (64 bits in hex, high word first) and values. */
export function encodedJson(
  encoder: RecordEncoder,
  record: unknown,
): { offsets: number[]; keys: string[]; values: number[] } {
  const encoded = new EncodedRecords();
  encoder.encodeObject(record, encoded, "record");
  const keys: string[] = [];
  for (let i = 0; i < encoded.entries; i++) {
    const bigEndian = new Uint8Array(encoded.keys.slice(2 * i, 2 * i + 2).buffer).reverse();
    keys.push(toHex(bigEndian));
  }
  return {
    offsets: Array.from(encoded.offsets.subarray(0, encoder.fields.length + 1)),
    keys,
    values: Array.from(encoded.values.subarray(0, encoded.entries)),
  };
}

function scoresJson(blob: Uint8Array, pages: Uint8Array[]): string {
  return linesJson(TINY_RECORDS.map((record) => ({ record, ...referenceScore(blob, pages, record) })));
}

/** The scores of records, then those of the catalogue's items with contexts. */
export function catalogueScores(blob: Uint8Array, pages: Uint8Array[]): object[] {
  const model = readBlob(blob);
  const records = CATALOGUE_RECORDS.map((record) => ({ record, ...referenceScore(blob, pages, record) }));
  const pairs = CATALOGUE_PAIRS.map(({ context, item, whole }) => ({
    ...{ context, item },
    ...(model.items.entries
      ? referenceScore(blob, pages, whole)
      : forwardItem(blob, pages, context, itemNumber(model, item))),
  }));
  return [...records, ...pairs];
}

function linesJson(objects: readonly object[]): string {
  return `[\n ${objects.map((object) => JSON.stringify(object)).join(",\n ")}\n]\n`;
}
