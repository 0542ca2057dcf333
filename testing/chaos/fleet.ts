import { type AttackModel, type AttackShape, type AttackValues, attackTable, attackVersion } from "../attack/model.ts";

/** The models of a chaos run: two that clients score with, in several versions, and others that fill the memory. */
export interface Fleet extends AttackValues {
  /** By name: the versions that take turns. */
  versions: ReadonlyMap<string, readonly AttackModel[]>;
  /** By name: models of which two do not fit beside the others. */
  large: ReadonlyMap<string, AttackModel>;
  /** By version: every one of them. */
  byVersion: ReadonlyMap<string, AttackModel>;
}

export interface FleetShape extends AttackShape {
  /** How many versions each model has. */
  versions: number;
  /** Rows in the blob of a large model; 0: there are none. */
  large: number;
}

/** Blobs of 6 MiB, of which all versions of both models fit side by side, and two of 24 MiB. */
export const FULL: FleetShape = { hot: 170_000, cold: 20_000, rowsPerPage: 80, versions: 4, large: 690_000 };
/** What a test has the time to build. */
export const SMALL: FleetShape = { hot: 3_000, cold: 4_000, rowsPerPage: 80, versions: 3, large: 0 };

/** The model that is the default at first, and another. */
export const NAMES = ["ads", "news"] as const;
const LARGE_NAMES = ["huge", "vast"] as const;

export async function makeFleet({ versions: count, large: largeRows, ...shape }: FleetShape): Promise<Fleet> {
  const table = attackTable(shape);
  const versions = new Map<string, AttackModel[]>();
  let seed = 0;
  for (const name of NAMES) {
    const own: AttackModel[] = [];
    for (let i = 0; i < count; i++) own.push(await attackVersion(table, name, ++seed));
    versions.set(name, own);
  }
  const large = new Map<string, AttackModel>();
  if (largeRows > 0) {
    // A few rows in pages are enough for models that only fill the memory.
    const largeTable = attackTable({ ...shape, hot: largeRows });
    for (const name of LARGE_NAMES) large.set(name, await attackVersion(largeTable, name, ++seed));
  }
  const all = [...[...versions.values()].flat(), ...large.values()];
  return {
    ...{ versions, large, record: table.record, hot: table.hot, cold: table.cold },
    byVersion: new Map(all.map((model) => [model.version, model])),
  };
}
