// What holds for every mutant, in the readers in TypeScript, the kernels and the Scorer: a FormatError or a code
// refuses it, or it is right.
import { hash } from "node:crypto";
import * as c from "../../format/constants.ts";
import { FormatError } from "../../format/errors.ts";
import { toHex } from "../../format/hash.ts";
import { ItemPage, type ItemPageLayout, openItemPage } from "../../format/item-page.ts";
import { pageOfKey } from "../../format/keys.ts";
import { openPage, Page } from "../../format/page.ts";
import { readBlob } from "../../format/read-blob.ts";
import { readRow, rowStride } from "../../format/row.ts";
import { verifyBlob } from "../../format/seal.ts";
import { type PublicKey, readPublicKeys } from "../../format/signature.ts";
import { checkGolden } from "../../runtime/golden.ts";
import { placeBlob } from "../../runtime/placed-blob.ts";
import { Scorer } from "../../runtime/scorer.ts";
import { PUBLIC_KEY } from "../format/golden.ts";
import { KERNELS } from "../kernel/harness.ts";
import { KernelCheck, type Reading } from "./check-kernels.ts";
import type { OriginalPage } from "./corpus.ts";
import { expect } from "./expect.ts";
import type { Mutant } from "./mutant.ts";

/** One in this many mutants is checked against its digest too: Web Crypto takes as long as all the rest together. */
const SEAL_EVERY = 256;
/**
 * One in this many is given to a Scorer, which makes a new instance, and so are all that kernel and reader judge
 * differently.
 */
const SCORER_EVERY = 4;

/** Checks mutants one after the other. It keeps the kernels' instances. */
export class Check {
  readonly #kernels = new KernelCheck();
  readonly #release = KERNELS.filter(({ debug }) => !debug);
  readonly #trusted: Promise<PublicKey[]> = readPublicKeys(PUBLIC_KEY, "PUBLIC_KEY");

  /** What became of a mutant: "scored", "read" (a page), or where it was refused. Throws where a promise is broken. */
  async check(mutant: Mutant): Promise<string> {
    const seal = mutant.number % SEAL_EVERY === 0;
    if (mutant.kind === "page") {
      if (seal) await checkDigest(mutant.bytes, mutant.original);
      return checkPage(mutant.bytes, mutant.original);
    }
    if (seal) await this.#checkSeal(mutant.bytes, mutant.original.bytes);
    return this.#checkBlob(mutant);
  }

  #checkBlob({ bytes, number, random }: Mutant): string {
    const reading: Reading = attempt(
      () => readBlob(bytes),
      (model) => ({ model }),
      (error) => ({ error }),
    );
    const loaded = this.#kernels.check(bytes, reading, number, random);

    if ((reading.error && loaded) || number % SCORER_EVERY === 0) {
      const refused = this.#load(bytes, number);
      if (reading.error) expect(refused !== null, `the Scorer takes what readBlob refuses: ${reading.error.message}`);
      else if (refused) {
        // The mutant may have other weights than its golden logits are of, or fields that do not take its golden
        // values.
        expect(/^(blob: section GOLDEN|records\[)/.test(refused.place), refused.message);
        return "golden records";
      }
    }
    if (reading.error) return placeOf(reading.error);
    expect(loaded, "read and not loaded");
    return "scored";
  }

  /** Loads a blob as the Worker does. Returns null, or why it is refused. */
  #load(bytes: Uint8Array, number: number): FormatError | null {
    const { module } = this.#release[number % this.#release.length];
    return attempt(
      () => {
        const scorer = new Scorer(placeBlob(module, bytes));
        checkGolden(scorer);
        return scorer;
      },
      (scorer) => {
        if (scorer.manifest.items) rankItems(scorer);
        return null;
      },
      (error) => error,
    );
  }

  /**
   * A blob is verified if and only if its digest is right, and with keys only if it is the very one that was signed.
   */
  async #checkSeal(blob: Uint8Array, original: Uint8Array): Promise<void> {
    const digest = (bytes: Uint8Array): string => hash("sha256", bytes.subarray(c.BLOB_ENVELOPE_BYTES));
    const stated = toHex(blob.subarray(c.BLOB_HEADER_DIGEST, c.BLOB_HEADER_SIGNATURE));
    const format = formatOf(blob);
    const right = format !== null && stated === digest(blob);
    const version = await attemptLater(() => verifyBlob(blob));
    expect(
      right === (typeof version === "string"),
      `verifyBlob gives ${version}, of a digest that is ${right ? "right" : "wrong"}`,
    );
    const expected = hash("sha256", format === 4 ? blob.subarray(0, c.BLOB_ENVELOPE_BYTES) : blob);
    if (right) expect(version === expected, `verifyBlob gives the version ${version}`);
    const named = await attemptLater(() => verifyBlob(blob, [], expected));
    expect((named === expected) === ((format ?? 0) >= 5 || right), `verifyBlob of ${expected} gives ${named}`);
    const other = await attemptLater(() => verifyBlob(blob, [], hash("sha256", expected)));
    expect(typeof other !== "string", "verifyBlob takes a blob under another's version");
    const trusted = await this.#trusted;
    const signed = await attemptLater(() => verifyBlob(blob, trusted));
    expect(typeof signed !== "string" || digest(blob) === digest(original), "verifyBlob takes what no key signed");
  }
}

/** The version of the format that a blob states; null where it has no header, or one that no reader takes. */
function formatOf(blob: Uint8Array): number | null {
  if (blob.length < c.BLOB_HEADER_BYTES) return null;
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  const format = view.getUint32(c.BLOB_HEADER_VERSION, true);
  const known = format >= c.OLDEST_BLOB_VERSION && format <= c.BLOB_VERSION;
  return view.getUint32(c.BLOB_HEADER_MAGIC, true) === c.BLOB_MAGIC && known ? format : null;
}

/**
 * Ranks ids, of which the catalogue may have some, with an empty context. They are refused only where a field does not
 * take a missing value.
 */
function rankItems(scorer: Scorer): void {
  const ids = ["a", "b", "boots", 1, "?"];
  const problem = attempt(
    () => scorer.rankItems(scorer.locateItems({}, ids), new Map()),
    ({ logits }) => (logits.length === ids.length ? null : `${logits.length} logits of ${ids.length} ids`),
    ({ place, message }) => (/^(context|candidates)/.test(place) ? null : message),
  );
  expect(problem === null, `${problem}`);
}

/** A page opens under the right digest if it can be read, and never under another digest. */
async function checkDigest(bytes: Uint8Array, { layout, page, items }: OriginalPage): Promise<void> {
  const open = (of: Uint8Array) => (items ? openItemPage(bytes, items, page, of) : openPage(bytes, layout, page, of));
  const digest = hash("sha256", bytes, "buffer").subarray(0, c.PAGE_DIGEST_BYTES);
  const opened = await attemptLater<unknown>(() => open(digest));
  const read = attempt(
    () => (items ? new ItemPage(bytes, items, page) : new Page(bytes, layout, page)),
    () => null,
    (error) => error,
  );
  expect(opened instanceof FormatError === (read !== null), `openPage gives ${opened}, the page ${read}`);
  digest[0] = digest[0] ^ 1;
  const other = await attemptLater<unknown>(() => open(digest));
  expect(other instanceof FormatError, "openPage takes a page of another digest");
}

/** Checks that every key of a page belongs there and has a row of finite numbers, and that the key 0 has none. */
function checkPage(bytes: Uint8Array, { layout, page, items }: OriginalPage): string {
  if (items) return checkItemPage(bytes, items, page);
  const read = attempt(
    () => new Page(bytes, layout, page),
    (opened) => opened,
    (error) => error,
  );
  if (read instanceof FormatError) return "page";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint32(c.PAGE_ROW_COUNT, true);
  const stride = rowStride(layout.rowType, layout.embeddingDim);
  const scaled = layout.rowType === c.TYPE_I8 || layout.rowType === c.TYPE_I4;
  for (let i = 0; i < count; i++) {
    const at = c.PAGE_HEADER_BYTES + 8 * i;
    const hi = view.getUint32(at + 4, true);
    const row = read.row(view.getUint32(at, true), hi);
    expect(pageOfKey(hi, layout.pageCount) === page, "a key of another page");
    expect(row?.length === stride, `a row of ${row?.length} bytes, expected ${stride}`);
    const source = new DataView((row as Uint8Array).slice().buffer);
    const numbers = new Float32Array(1 + layout.embeddingDim);
    readRow(layout.rowType, layout.embeddingDim, source, 0, numbers, 0);
    // Quantized rows have a scale; the product of scale and element may overflow, and is not looked at.
    const kept = scaled ? [numbers[0], source.getFloat32(0, true)] : [...numbers];
    expect(kept.every(Number.isFinite), "a row that is not finite");
  }
  expect(read.row(0, 0) === null, "a row of the key 0");
  return "read";
}

/** Checks that every key of an item page belongs there, and has entries of item fields with rows that are there. */
function checkItemPage(bytes: Uint8Array, layout: ItemPageLayout, page: number): string {
  const read = attempt(
    () => new ItemPage(bytes, layout, page),
    (opened) => opened,
    (error) => error,
  );
  if (read instanceof FormatError) return "item page";
  for (let i = 0; i < read.rowCount; i++) {
    const [lo, hi] = [read.keyWord(2 * i), read.keyWord(2 * i + 1)];
    expect(pageOfKey(hi, layout.itemPages) === page, "a key of another item page");
    const record = read.row(lo, hi);
    expect(record !== null && record.length === 4 * read.wordsOf(i), `a record of ${record?.length} bytes`);
    const words = new Uint32Array((record as Uint8Array).slice().buffer);
    const count = (words[0] as number) & c.ITEM_COUNT_MASK;
    for (const entry of words.subarray(1, 1 + count)) {
      const [field, row] = [entry >>> c.ITEM_FIELD_SHIFT, entry & c.ITEM_ROW_MASK];
      expect(layout.sides[field] === c.SIDE_ITEM, `an entry of field ${field}`);
      const own = ((words[0] as number) >>> c.ITEM_ROWS_SHIFT) & c.ITEM_COUNT_MASK;
      expect(row < layout.rowCount || row > c.ITEM_ROW_MASK - own, `row ${row}`);
    }
  }
  expect(read.row(0, 0) === null, "an item of the key 0");
  return "read";
}

/** The part of the blob that an error is about: its place up to the section. */
function placeOf({ place }: FormatError): string {
  return /^blob: section [A-Z_]+|^blob: header|^blob/.exec(place)?.[0] ?? place;
}

/**
 * Runs an action. Returns `then` of its result, or `otherwise` of the FormatError that it throws; any other error is a
 * find.
 */
function attempt<A, B, C>(action: () => A, then: (value: A) => B, otherwise: (error: FormatError) => C): B | C {
  let value: A;
  try {
    value = action();
  } catch (error) {
    if (error instanceof FormatError) return otherwise(error);
    throw error;
  }
  return then(value);
}

async function attemptLater<T>(action: () => Promise<T>): Promise<T | FormatError> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
}
