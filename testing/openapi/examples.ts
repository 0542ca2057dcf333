/** A request of the OpenAPI document, and its answer. */
export interface Example {
  path: "/v1/score" | "/v1/rank" | "/v1/explain";
  name: string;
  body: object;
  answer: object;
}

const VERSION = "91e3a7c0d5f2b8461e9c03ad7b54f6208c1d9e35a7f042b6c8d1e90f3a5b72c4";
const ABOUT = { model: "tiny", version: VERSION };
const CONTEXT = { site: "site57", device: "phone" };

/** Each is sent to a Worker in a test, and its answer has the form of the one here. */
export const EXAMPLES: readonly Example[] = [
  {
    path: "/v1/score",
    name: "records",
    body: {
      records: [{ ...CONTEXT, ad: "ad1", tags: ["tag1", "tag3"], price: 12.5 }, { site: "new.example" }],
      unseen: true,
    },
    answer: { scores: [0.5341, 0.2214], ...ABOUT, unseen: { site: 1 } },
  },
  {
    path: "/v1/rank",
    name: "candidates",
    body: { context: CONTEXT, candidates: [{ ad: "ad1", price: 12.5 }, { ad: "ad2" }], ids: ["hat", "coat"], k: 10 },
    answer: {
      items: [
        { id: "coat", score: 0.5341, rank: 1 },
        { id: "hat", score: 0.0712, rank: 2 },
      ],
      ...ABOUT,
    },
  },
  {
    path: "/v1/rank",
    name: "auction",
    body: { context: CONTEXT, items: ["ad0", "ad1"], objective: "ecpm", bids: [2.5, 0.1] },
    answer: {
      items: [
        { id: "ad0", score: 0.0712, value: 0.178, rank: 1 },
        { id: "ad1", score: 0.5341, value: 0.05341, rank: 2 },
      ],
      ...ABOUT,
    },
  },
  {
    path: "/v1/rank",
    name: "unsorted",
    body: { context: CONTEXT, candidates: [{ ad: "ad1", price: 12.5 }, { ad: "ad2" }], sort: false },
    answer: { scores: [0.0712, 0.5341], ...ABOUT },
  },
  {
    path: "/v1/explain",
    name: "record",
    body: { records: [{ site: "site57", ad: "ad1" }] },
    answer: {
      explanations: [
        {
          ...{ score: 0.3775, logit: -0.5, bias: -2.1 },
          linear: { site: 0.4, ad: 0.3 },
          pairs: [{ fields: ["site", "ad"], value: 0.2 }],
          ...{ deep: 0.6, calibration: 0.1 },
        },
      ],
      ...ABOUT,
    },
  },
];
