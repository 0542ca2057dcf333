// What a user's program may write, checked by the compiler against the installed package: every entry and its main
// types.
import { type FeatureSpec, VERSION } from "deepfm-edge";
import { type BlobManifest, FormatError, parseFeatureSpec, pointerKey, readManifest } from "deepfm-edge/format";
import { checkGolden, loadKernel, type Page, placeBlob, Scorer } from "deepfm-edge/runtime";
import {
  type AppOptions,
  type AppType,
  createApp,
  type KVReader,
  kvSource,
  type ScoringService,
  scoringEntrypoint,
} from "deepfm-edge/worker";
import { Hono } from "hono";
import { hc } from "hono/client";

export const version: string = VERSION;
export const key: string = pointerKey("ads");

export function fieldNames(text: string): string[] {
  const spec: FeatureSpec = parseFeatureSpec(text, "spec.json");
  return spec.fields.map(({ name }) => name);
}

export function modelName(blob: Uint8Array): string {
  try {
    const manifest: BlobManifest = readManifest(blob);
    return manifest.spec.name;
  } catch (error) {
    if (error instanceof FormatError) return error.place;
    throw error;
  }
}

export async function score(blob: Uint8Array, records: object[]): Promise<Float32Array> {
  const scorer = new Scorer(placeBlob(await loadKernel(), blob));
  checkGolden(scorer);
  return scorer.score(scorer.locate(scorer.encode(records)), new Map<number, Page>()).scores;
}

interface Bindings {
  CTR_MODELS: KVReader;
}

const options: AppOptions<Bindings> = { source: ({ CTR_MODELS }) => kvSource(CTR_MODELS) };

export const app = new Hono<{ Bindings: Bindings }>().route("/ctr", createApp(options));

export async function best(url: string, price: number): Promise<string | number | null> {
  const client = hc<AppType>(url);
  // @ts-expect-error A list of candidates is no candidate.
  client.v1.rank.$post({ json: { candidates: { price } } });
  const response = await client.v1.rank.$post({ json: { candidates: [{ price }], k: 1 } });
  if (!response.ok) throw new Error((await response.json()).detail);
  const answer = await response.json();
  return "items" in answer ? (answer.items[0]?.id ?? null) : null;
}

/** The routes below a path of another app. */
export const mounted = hc<typeof app>("https://ctr.example.com").ctr.v1.score;

// @ts-expect-error A number is no source of models.
createApp({ source: 1 });
// @ts-expect-error Internal files cannot be reached.
export type Internal = typeof import("deepfm-edge/dist/runtime/kernel.js");

export const Scoring = scoringEntrypoint(createApp(options));

export async function bestCandidate(
  { CTR }: { CTR: ScoringService },
  candidates: { price: number }[],
): Promise<string> {
  const reply = await CTR.rank({ context: { site: "a" }, candidates, k: 1 });
  if (!reply.ok) return `${reply.problem.status}, again in ${reply.retryAfter} s`;
  return "items" in reply.answer ? String(reply.answer.items[0]?.id) : "";
}
