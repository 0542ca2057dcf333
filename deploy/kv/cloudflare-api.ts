import * as v from "valibot";
import { parseJsonBytes, parseWith } from "../../format/parse.ts";
import { UserError } from "../../trainer/errors.ts";
import { excerpt, type HttpAnswer, placeOf, request } from "../http-request.ts";

/** Milliseconds for one answer: a batch takes seconds, over a slow line a minute. */
const DEADLINE_MS = 180_000;
/** Bytes of the longest answer: KV gives at most 25 MB, which JSON may write with escapes. */
const LONGEST_ANSWER = 2 ** 26;

const FaultSchema = v.object({ errors: v.array(v.object({ code: v.number(), message: v.string() })) });

/** Another status than 200, and what the API says of it. */
export class ApiError extends UserError {
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

/** Cloudflare's REST API. */
export class CloudflareApi {
  readonly #base: URL;
  readonly #credentials: Record<string, string>;
  /** Told before a request is sent again. */
  onRetry: (why: string, seconds: number) => void = () => {};

  /** `base`: ends with a slash. */
  constructor(base: URL, credentials: Record<string, string>) {
    this.#base = base;
    this.#credentials = credentials;
  }

  /** Calls a method that answers with JSON. Throws ApiError for another status, UserError where there is no answer. */
  async call<Result extends v.GenericSchema>(
    method: string,
    path: string,
    schema: Result,
    body?: object,
  ): Promise<{ result: v.InferOutput<Result>; cursor: string }> {
    const content = body && { body: JSON.stringify(body), type: "application/json" };
    const place = placeOf({ method, url: new URL(path, this.#base) });
    const answer = parseJsonBytes(await this.send(method, path, content), place);
    const info = v.optional(v.nullable(v.object({ cursor: v.optional(v.string(), "") })));
    const { result, result_info } = parseWith(v.object({ result: schema, result_info: info }), answer, place);
    return { result, cursor: result_info?.cursor ?? "" };
  }

  /** Calls a method that answers with bytes. Throws as `call` does. */
  async send(method: string, path: string, content?: { body: string | Uint8Array; type: string }): Promise<Uint8Array> {
    const url = new URL(path, this.#base);
    const answer = await request({
      url,
      method,
      headers: { ...this.#credentials, ...(content && { "content-type": content.type }) },
      ...(content && { body: content.body }),
      deadline: DEADLINE_MS,
      longest: LONGEST_ANSWER,
      onRetry: this.onRetry,
    });
    if (answer.status === 200) return answer.body;
    throw new ApiError(
      `${placeOf({ method, url })}: got ${answer.status} ${saysOf(answer)}, expected 200`,
      answer.status,
    );
  }
}

function saysOf(answer: HttpAnswer): string {
  let says = excerpt(answer);
  try {
    const { errors } = v.parse(FaultSchema, parseJsonBytes(answer.body, "answer"));
    says = errors.map(({ code, message }) => `${message} (code ${code})`).join(", ");
  } catch {} // what it says is shown as it is
  if (answer.status === 401 || answer.status === 403)
    says += "; log in with `npx wrangler login`, or set CLOUDFLARE_API_TOKEN to a token that may edit Workers KV";
  if (answer.status === 404) says += "; `npx wrangler kv namespace list` shows the account's namespaces";
  return says;
}
