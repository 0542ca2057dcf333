import { bucketBits } from "../../format/blob.ts";
import * as c from "../../format/constants.ts";
import { rowStride } from "../../format/row.ts";
import { rowKeyHash } from "../../format/row-key.ts";
import { sealBlob } from "../../format/seal.ts";
import { generateKeys, readSigningKey } from "../../format/signature.ts";
import { writeBlob } from "../../format/write-blob.ts";
import { HASH_KEY } from "../../testing/format/hash-key.ts";
import { randomModel } from "../../testing/kernel/random-model.ts";
import { Random } from "../../trainer/data/random.ts";
import { GOLDEN_RECORDS, sealExport } from "../../trainer/export/seal.ts";

const BLOB_BYTES = 20e6;
const SHAPE = { fields: 39, embeddingDim: 16, hidden: [400, 400, 400], rowType: c.TYPE_I8 };
const KEY_BYTES = 8;
/** Share of the golden records' values that have a row in the blob. */
const KNOWN = 0.9;

export interface BenchBlob {
  name: string;
  blob: Uint8Array;
  /** What names the blob, 64 hex digits. */
  version: string;
  /** Base64; empty if the blob is not signed. */
  publicKey: string;
}

/** A DeepFM with as many int8 rows as fill BLOB_BYTES, sealed as in an export; once unsigned and once signed. */
export async function benchBlobs(): Promise<BenchBlob[]> {
  const hotRows = rowsThatFill();
  const drawn = randomModel({ ...SHAPE, hotRows });
  const hashes = drawn.spec.fields.map(({ name }) => rowKeyHash(HASH_KEY, name));
  const keys = BigUint64Array.from({ length: hotRows }, (_, i) => {
    const { lo, hi } = hashes[i % SHAPE.fields](textOf(i), { lo: 0, hi: 0 });
    return (BigInt(hi) << 32n) | BigInt(lo);
  }).sort();
  const random = new Random(1);
  const records = Array.from({ length: GOLDEN_RECORDS }, () =>
    Object.fromEntries(
      drawn.spec.fields.map(({ name }, f) => {
        const i = f + SHAPE.fields * random.integer(Math.floor(hotRows / SHAPE.fields) - 1);
        return [name, random.uniform() < KNOWN ? textOf(i) : "unseen"];
      }),
    ),
  );
  const model = { ...drawn, keys: new Uint32Array(keys.buffer) };
  const { version, blob } = await sealExport({ model, pages: [] }, {}, records);
  const signed = blob.slice();
  const { privateKey, publicKey } = await generateKeys();
  const signedVersion = await sealBlob(signed, {
    key: await readSigningKey(privateKey, "key"),
    serial: 1,
  });
  return [
    { name: "unsigned", blob, version, publicKey: "" },
    { name: "signed", blob: signed, version: signedVersion, publicKey },
  ];
}

/** The number of rows with which a blob has BLOB_BYTES, or a few more. */
function rowsThatFill(): number {
  const room = BLOB_BYTES - writeBlob(randomModel({ ...SHAPE, hotRows: 0 })).length;
  const perRow = rowStride(SHAPE.rowType, SHAPE.embeddingDim) + KEY_BYTES;
  const buckets = 4 * 2 ** bucketBits(room / perRow);
  return Math.ceil((room - buckets) / perRow);
}

/** Value number i of all fields together; no two fields share a value. */
function textOf(i: number): string {
  return `v${i}`;
}
