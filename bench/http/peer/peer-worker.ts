// A Worker that scores with another runtime behind the same two routes, as one would write it by hand: parse the body,
// look each value's row up in a Map, run the model.
//   PUT /vocabulary   {"f0": {"v0": 17, …}, …}: the row of each value of each field, in the model's order of fields
//   PUT /model        the bytes that the runtime takes
//   POST /v1/score    {"records": […]} → {"scores": […]}
//   POST /v1/rank     {"context": {…}, "candidates": […]} → {"scores": […]}

/** Scores `records` records: [records × fields] row numbers → as many scores. */
export type Score = (rows: Int32Array, records: number) => Promise<ArrayLike<number>>;

type FlatRecord = Record<string, string>;

interface Body {
  records?: FlatRecord[];
  context?: FlatRecord;
  candidates?: FlatRecord[];
}

/** `load`: makes the model ready of the bytes that were put. */
export function peerWorker(load: (model: ArrayBuffer, fields: number) => Promise<Score>) {
  let vocabulary: { field: string; rows: Map<string, number> }[] = [];
  let score: Score | null = null;

  async function put(request: Request, pathname: string): Promise<Response> {
    if (pathname === "/vocabulary") {
      const put: Record<string, Record<string, number>> = await request.json();
      vocabulary = Object.entries(put).map(([field, rows]) => ({ field, rows: new Map(Object.entries(rows)) }));
    } else score = await load(await request.arrayBuffer(), vocabulary.length);
    return new Response();
  }

  /** Row numbers of the fields f that have a value in `record`. A field's own number is its OOV row's. */
  function fill(rows: Int32Array, at: number, record: FlatRecord): void {
    for (let f = 0; f < vocabulary.length; f++) {
      const value = record[vocabulary[f].field];
      if (value !== undefined) rows[at + f] = vocabulary[f].rows.get(value) ?? f;
    }
  }

  return {
    async fetch(request: Request): Promise<Response> {
      const { pathname } = new URL(request.url);
      if (request.method === "PUT") return put(request, pathname);
      if (score === null) return new Response("no model was put", { status: 503 });
      const { records, context, candidates = [] }: Body = await request.json();
      const list = records ?? candidates;
      const F = vocabulary.length;
      const oov = Int32Array.from({ length: F }, (_, f) => f);
      if (context) fill(oov, 0, context);
      const rows = new Int32Array(list.length * F);
      for (let i = 0; i < list.length; i++) {
        rows.set(oov, i * F);
        fill(rows, i * F, list[i]);
      }
      return Response.json({ scores: Array.from(await score(rows, list.length)) });
    },
  };
}
