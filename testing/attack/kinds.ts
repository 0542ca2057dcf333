// The kinds of requests: what clients send, what they get wrong, and what an attacker would make of each limit.
import { gzipSync } from "node:zlib";
import { generateToken } from "../../format/tokens.ts";
import * as limits from "../../worker/limits.ts";
import { integer, pick } from "../format/random.ts";
import type { AttackValues, RawRecord } from "./model.ts";
import type { BrokenRequest, WholeRequest } from "./send.ts";
import { TOKENS } from "./server.ts";

export type Random = () => number;

/** One request, and what may come of it. */
export interface Attempt {
  request: WholeRequest | BrokenRequest;
  /**
   * The statuses that are right; null: no answer. 503 is right for every request: it says that the Worker has no room
   * now.
   */
  expected: readonly (number | null)[];
  /** What a 200 has the scores of; absent where nobody can say. */
  records?: readonly RawRecord[];
}

export interface Kind {
  name: string;
  make(random: Random, model: AttackValues): Attempt;
}

const TOKEN = { authorization: `Bearer ${TOKENS.score}` };
const JSON_TYPE = { "content-type": "application/json", ...TOKEN };
const SCORE = "/v1/score";
const RANK = "/v1/rank";

/** What clients send that mean well. */
export const USUAL: readonly Kind[] = [
  {
    name: "score",
    make(random, model) {
      const records = Array.from({ length: integer(random, 1, 40) }, () => model.record(random));
      return { ...post(SCORE, { records }), expected: [200], records };
    },
  },
  {
    name: "rank",
    make(random, model) {
      const records = Array.from({ length: integer(random, 1, 60) }, () => model.record(random));
      const { user, site, tags } = records[0];
      const context = { user, site, tags };
      const candidates = records.map(({ item, brand, price }) => ({ item, brand, price }));
      return {
        ...post(RANK, { context, candidates, sort: false }),
        expected: [200],
        records: candidates.map((candidate) => ({ ...context, ...candidate })),
      };
    },
  },
];

/** What clients get wrong, and what somebody sends who looks for a weakness; each costs little. */
export const HOSTILE: readonly Kind[] = [
  {
    name: "values never seen",
    make(random, model) {
      const records = Array.from({ length: integer(random, 1, 60) }, () => model.record(random, 1));
      return { ...post(SCORE, { records }), expected: [200], records };
    },
  },
  {
    name: "a body cut or changed",
    make(random, model) {
      const bytes = Buffer.from(JSON.stringify({ records: [model.record(random), model.record(random)] }));
      for (let times = integer(random, 1, 4); times > 0; times--)
        bytes[integer(random, 0, bytes.length - 1)] = 256 * random();
      const body = random() < 0.5 ? bytes : bytes.subarray(0, integer(random, 0, bytes.length - 1));
      return { request: { method: "POST", path: SCORE, headers: JSON_TYPE, body }, expected: [200, 400, 422] };
    },
  },
  {
    name: "another form",
    make: (random) => ({ ...post(pick(random, [SCORE, RANK]), pick(random, FORMS)), expected: [422] }),
  },
  {
    name: "no JSON",
    make: (random) => ({
      request: { method: "POST", path: SCORE, headers: JSON_TYPE, body: pick(random, NOT_JSON) },
      expected: [400],
    }),
  },
  {
    name: "a value that is none",
    make(random, model) {
      const [field, value] = pick(random, BAD_VALUES);
      const body = JSON.stringify({ records: [model.record(random), model.record(random)] });
      const at = body.lastIndexOf("}]");
      const name = JSON.stringify(field);
      return {
        request: {
          method: "POST",
          path: SCORE,
          headers: JSON_TYPE,
          body: `${body.slice(0, at)},${name}:${value}${body.slice(at)}`,
        },
        expected: [422],
      };
    },
  },
  {
    name: "names of Object's own",
    make(random) {
      const name = pick(random, ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf", ""]);
      const body = `{"records":[{${JSON.stringify(name)}:1}]}`;
      return { request: { method: "POST", path: SCORE, headers: JSON_TYPE, body }, expected: [422] };
    },
  },
  {
    name: "another type or method or path",
    make: (random) => {
      const [method, path, headers, body, expected] = pick(random, WRONG_REQUESTS);
      return {
        request: { method, path, headers: { ...TOKEN, ...headers }, ...(body !== undefined && { body }) },
        expected: [expected],
      };
    },
  },
  {
    name: "no token, or another",
    make: (random) => {
      const authorization = pick(random, [null, "Bearer", "Bearer x", `Bearer ${generateToken()}`, "Basic YTpi"]);
      const headers = { "content-type": "application/json", ...(authorization !== null && { authorization }) };
      return { request: { method: "POST", path: SCORE, headers, body: '{"records":[{}]}' }, expected: [401] };
    },
  },
  {
    name: "a route for the scope admin",
    make: () => ({ request: { method: "GET", path: "/v1/models", headers: TOKEN }, expected: [200] }),
  },
  {
    name: "a broken chunk",
    make: (random) => ({
      request: {
        parts: [
          head("transfer-encoding: chunked"),
          pick(random, ["zz\r\n", '5\r\n{"rec\r\nqq', "-1\r\n\r\n", "FFFFFFFFFFFFFFFFF\r\n"]),
        ],
        pauseMs: 5,
        end: "wait",
      },
      expected: [400, null],
    }),
  },
  {
    name: "half a body",
    make: (random) => ({
      request: {
        parts: [head(`content-length: ${integer(random, 100, limits.MAX_BODY_BYTES)}`), '{"records":['],
        pauseMs: 5,
        end: pick(random, ["reset", "close"] as const),
      },
      expected: [400, 408, null],
    }),
  },
  {
    name: "two requests in one",
    make: (random) => ({
      request: {
        parts: [
          `${head(`content-length: ${integer(random, 0, 4)}`, "transfer-encoding: chunked")}0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n`,
        ],
        pauseMs: 0,
        end: "wait",
      },
      expected: [400, null],
    }),
  },
  {
    name: "damaged gzip",
    make(random, model) {
      const bytes = gzipSync(JSON.stringify({ records: [model.record(random)] }));
      const body = random() < 0.5 ? bytes.subarray(0, integer(random, 1, bytes.length - 1)) : Buffer.from("not gzip");
      const headers = { ...JSON_TYPE, "content-encoding": "gzip" };
      return { request: { method: "POST", path: SCORE, headers, body }, expected: [400] };
    },
  },
  {
    name: "gzip",
    make(random, model) {
      const records = [model.record(random)];
      const headers = { ...JSON_TYPE, "content-encoding": "gzip" };
      const body = gzipSync(JSON.stringify({ records }));
      return { request: { method: "POST", path: SCORE, headers, body }, expected: [200], records };
    },
  },
];

/**
 * The bodies that cost a Worker most, at the limit or beyond it. `expected` has what may come of each, beside nothing:
 * a server that answers before it has read a body closes the connection, and a client that still writes may miss the
 * answer (RFC 9112, 9.6).
 */
export const WORST: readonly Kind[] = [
  worst("one long value", [200, 413, 422], () => filled('{"records":[{"user":"', "u", '"}]}')),
  worst("one long value of two bytes a character", [200, 413, 422], () => filled('{"records":[{"user":"', "é", '"}]}')),
  worst("one long value of escapes", [200, 413, 422], () => filled('{"records":[{"user":"', "\\u00e9", '"}]}')),
  worst("separators alone", [200, 413, 422], () => filled('{"records":[{"tags":"', "|", '"}]}')),
  worst("short values and separators", [200, 413, 422], () => filled('{"records":[{"tags":"', "a|", '"}]}')),
  worst("a list of short values", [200, 413, 422], () => filled('{"records":[{"tags":["a"', ',"a"', "]}]}")),
  worst("a list of numbers", [413, 422], () => filled('{"records":[1', ",1", "]}")),
  worst("empty records", [200, 413, 422], () => filled('{"records":[{}', ",{}", "]}")),
  worst("as many empty records as may be", [200], () => `{"records":[{}${",{}".repeat(limits.MAX_RECORDS - 1)}]}`),
  worst("nested lists", [400, 413, 422], () => filled('{"records":', "[", "")),
  worst("a long name", [413, 422], () => filled('{"records":[{"', "n", '":1}]}')),
  worst("many names", [413, 422], (random) => {
    const first = integer(random, 1e6, 8e6);
    return `{"records":[{"k":1${numbered(limits.MAX_BODY_BYTES - 21, (i) => `,"k${first + i}":1`)}}]}`;
  }),
  worst("many values never seen", [200, 413], (random) => {
    const first = integer(random, 0, 2 ** 30);
    const record = (i: number): string => `{"user":"x${i}","site":"y${i}","item":"z${i}","brand":"b${i}"}`;
    return `{"records":[${Array.from({ length: limits.MAX_RECORDS }, (_, i) => record(first + i)).join(",")}]}`;
  }),
  {
    name: "many values of other pages",
    make(random, model) {
      const records = coldRecords(random, model);
      return { ...post(SCORE, { records }), expected: [200], records };
    },
  },
  worst("as many tags as may be", [200, 413, 422], (random) => {
    const first = integer(random, 0, 2 ** 30);
    const record = `{"tags":"${Array.from({ length: 50 }, (_, i) => `t${first + i}`).join("|")}"}`;
    return filled(`{"records":[${record}`, `,${record}`, "]}");
  }),
  worst("a body beyond the limit", [413], () => `{"records":[]}${" ".repeat(limits.MAX_BODY_BYTES)}`),
  {
    name: "gzip of a body beyond the limit",
    make: () => ({
      request: {
        method: "POST",
        path: SCORE,
        headers: { ...JSON_TYPE, "content-encoding": "gzip" },
        body: bomb(),
      },
      expected: [413],
    }),
  },
];

/** Scores records whose rows are all in pages. */
export function coldRequest(random: Random, model: AttackValues): WholeRequest {
  return post(SCORE, { records: coldRecords(random, model) }).request;
}

function coldRecords(random: Random, model: AttackValues): RawRecord[] {
  return Array.from({ length: 400 }, () => model.cold(random));
}

/** A body that arrives more slowly than anybody would wait for: it takes `seconds`, and is never whole. */
export function slowBody(seconds: number): Attempt {
  const parts = 20;
  const size = Math.floor(limits.MAX_BODY_BYTES / parts);
  return {
    request: {
      parts: [
        head(`content-length: ${limits.MAX_BODY_BYTES}`),
        '{"records":[{"user":"',
        ...Array.from({ length: parts - 1 }, () => "u".repeat(size)),
      ],
      pauseMs: (1000 * seconds) / parts,
      end: "reset",
    },
    expected: [408, 413, null],
  };
}

function worst(name: string, expected: Attempt["expected"], body: (random: Random) => string): Kind {
  return {
    name,
    make: (random) => ({
      request: { method: "POST", path: SCORE, headers: JSON_TYPE, body: body(random), chunked: random() < 0.3 },
      expected: [...expected, null],
    }),
  };
}

function post(path: string, body: unknown): { request: WholeRequest } {
  return { request: { method: "POST", path, headers: JSON_TYPE, body: JSON.stringify(body) } };
}

/** The head of a request to score, after which the server closes the connection. */
function head(...headers: readonly string[]): string {
  const all = [
    "host: localhost",
    "connection: close",
    "content-type: application/json",
    `authorization: ${TOKEN.authorization}`,
    ...headers,
  ];
  return `POST ${SCORE} HTTP/1.1\r\n${all.join("\r\n")}\r\n\r\n`;
}

/** `before`, as often `text` as makes the largest body, and `after`. */
function filled(before: string, text: string, after: string): string {
  const room = limits.MAX_BODY_BYTES - Buffer.byteLength(before + after);
  return before + text.repeat(Math.floor(room / Buffer.byteLength(text))) + after;
}

/** Texts one after the other, in at most so many bytes. */
function numbered(bytes: number, text: (i: number) => string): string {
  const texts: string[] = [];
  for (let i = 0, length = 0; ; i++) {
    const next = text(i);
    length += next.length;
    if (length > bytes) return texts.join("");
    texts.push(next);
  }
}

/** Bytes of a body that gzip makes a thousand times smaller. */
const BOMB_BYTES = 64 * 2 ** 20;
let bombBytes: Buffer | undefined;
function bomb(): Buffer {
  bombBytes ??= gzipSync(`{"records":[{"user":"${"u".repeat(BOMB_BYTES)}"}]}`);
  return bombBytes;
}

const FORMS: readonly unknown[] = [
  ...[null, 1, "records", true, [], {}, { records: null }, { records: {} }, { records: 1 }, { records: [null] }],
  ...[{ records: [1] }, { records: ["a"] }, { records: [[]] }, { records: [{ no: 1 }] }, { records: [], more: 1 }],
  ...[
    { context: {}, candidates: null },
    { context: {}, candidates: [1] },
    { context: 1, candidates: [{}] },
  ],
  ...[{ context: {}, candidates: [], items: [] }, { context: {} }, { context: { item: 1 }, candidates: [{}] }],
];

const NOT_JSON: readonly (string | Uint8Array)[] = [
  ...["", "{", '{"records":[}', "NaN", "{'records':[]}", '{"records":[]}}', '{"records":[],}', "\u0000", "undefined"],
  ...['{"records":[{"user":NaN}]}', '{"records":[{"user":Infinity}]}', '{"records":[{"user":0x10}]}'],
  Uint8Array.of(0xff, 0xfe, 0x7b, 0x7d),
  Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22),
];

/** Fields with values, as JSON text, that no encoder takes. */
const BAD_VALUES: readonly (readonly [string, string])[] = [
  ["price", '"cheap"'],
  ["price", "1e400"],
  ["price", "1e39"],
  ["price", "[1]"],
  ["price", "{}"],
  ["price", '"0x10"'],
  ["user", "{}"],
  ["user", "[1]"],
  ["user", "9007199254740993"],
  ["tags", "{}"],
  ["tags", "[[1]]"],
  ["tags", "[{}]"],
  ["unknown", "1"],
];

type WrongRequest = readonly [
  method: string,
  path: string,
  headers: Record<string, string>,
  body: string | undefined,
  status: number,
];
const WRONG_REQUESTS: readonly WrongRequest[] = [
  ["POST", SCORE, {}, "{}", 415],
  ["POST", SCORE, { "content-type": "text/plain" }, "{}", 415],
  ["POST", SCORE, { "content-type": "application/json-but-not" }, "{}", 415],
  ["GET", SCORE, {}, undefined, 405],
  ["PUT", RANK, JSON_TYPE, "{}", 405],
  ["DELETE", "/v1/models", {}, undefined, 405],
  ["GET", "/v2", {}, undefined, 404],
  ["GET", `/${"x".repeat(6000)}`, {}, undefined, 404],
  ["GET", "/v1/score/../../etc/passwd", {}, undefined, 404],
  ["GET", "/v1/%73core%00", {}, undefined, 404],
  ["POST", "/v1/none", JSON_TYPE, '{"records":[]}', 404],
];
