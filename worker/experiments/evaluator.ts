import { GrowthBookClient, type StickyAssignmentsDocument, type UserContext } from "@growthbook/growthbook";
import type { Arm } from "../../format/arm.ts";
import type { Experiment, Payload, PlacedArm } from "../../format/experiment.ts";
import { BUCKETS } from "../../format/exposure.ts";

/** What the rules of a payload look at: ids of units, and what targeting is about. */
export type Attributes = Readonly<Record<string, unknown>>;

/** What a list is ordered by. */
export interface Assignment {
  arm: Arm;
  /** Null: the list is in no experiment, and nothing of it is logged. */
  unit: AssignedUnit | null;
}

/** A unit in an experiment. */
export interface AssignedUnit {
  experiment: Experiment;
  /** 0 to 9999 */
  bucket: number;
  /** The name of the attribute that it is hashed by, and its value. */
  attribute: string;
  id: string;
}

/** By `attribute||value`: which arm of which experiment a unit was given before. */
export type StickyDocuments = Record<string, StickyAssignmentsDocument>;

export interface Sticky {
  documents: StickyDocuments;
  /** Told of a document that is to be kept. */
  save: (document: StickyAssignmentsDocument) => void;
}

/** Assigns units to the arms of a payload, by GrowthBook's own library, which gets no network to use. */
export class Evaluator {
  readonly payload: Payload;
  readonly #client: GrowthBookClient;

  constructor(payload: Payload) {
    this.payload = payload;
    const { features, savedGroups } = payload.json;
    const given = { features: withoutStickiness(features), ...(savedGroups && { savedGroups }) };
    // The library's types know no values but its own, and it reads them with care.
    this.#client = new GrowthBookClient().initSync({ payload: given as never });
  }

  /**
   * What a list is ordered by; null: as without experiments. Throws what the library throws where a condition of the
   * payload cannot be evaluated.
   */
  assign(list: string, attributes: Attributes, sticky: Sticky | null): Assignment | null {
    if (!this.payload.lists.has(list)) return null;
    const user: UserContext = { attributes };
    if (sticky) {
      user.stickyBucketAssignmentDocs = sticky.documents;
      user.saveStickyBucketAssignmentDoc = async (document) => sticky.save(document);
    }
    const { value, experimentResult: result } = this.#client.evalFeature(list, user);
    const placed = this.payload.arms.get(value);
    if (!placed) return null;
    const { arm, experiment } = placed;
    if (!experiment || !result?.inExperiment) return { arm, unit: null };
    return {
      arm,
      unit: {
        experiment,
        // The library has it as a share, in steps of 1/10,000.
        bucket: Math.min(BUCKETS - 1, Math.round((result.bucket ?? 0) * BUCKETS)),
        attribute: result.hashAttribute,
        id: String(result.hashValue),
      },
    };
  }

  /** An arm by the names of its experiment and its own; null where there is none for the list. */
  armOf(list: string, experiment: string, arm: string): PlacedArm | null {
    const found = this.payload.lists.get(list)?.find(({ key }) => key === experiment);
    const named = found?.arms.find((one) => one.arm === arm);
    return found && named ? { arm: named, experiment: found } : null;
  }
}

/** Features whose experiments have a sticky document only where they ask for it, by a `bucketVersion`. */
function withoutStickiness(features: Payload["json"]["features"]): Payload["json"]["features"] {
  const quiet = Object.entries(features).map(([id, feature]) => {
    const rules = feature.rules?.map((rule) =>
      rule.bucketVersion === undefined ? { ...rule, disableStickyBucketing: true } : rule,
    );
    return [id, rules ? { ...feature, rules } : feature] as const;
  });
  return Object.fromEntries(quiet);
}
