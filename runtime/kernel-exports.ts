/** The exports of `kernel.*.wasm`; `assembly/score/index.ts` documents each. Addresses are offsets into `memory`. */
export interface KernelExports {
  memory: WebAssembly.Memory;
  reserve(blobBytes: number): number;
  load(blobBytes: number): number;
  reservePlan(columns: number, planBytes: number): number;
  usePlan(keyed: boolean): void;
  encodeJson(start: number, bytes: number, records: number, side: number): number;
  encodedEnd(): number;
  encodedNext(): number;
  locateEncoded(): number;
  locatedInBlob(): number;
  unseenAddress(): number;
  textAddress(): number;
  membersAddress(): number;
  lookup(keys: number): number;
  score(records: number): number;
  scoreContext(): number;
  scoreCandidates(records: number): number;
  lookupItems(keys: number): number;
  scoreItems(items: number): number;
  precomputeItem(): number;
  itemRecordAddress(): number;
  itemBytes(): number;
  keysAddress(): number;
  rowAddresses(): number;
  valuesAddress(): number;
  offsetsAddress(): number;
  arenaAddress(): number;
  logitsAddress(): number;
  scoresAddress(): number;
  rowsAddress(): number;
  rowBytes(): number;
}
