import * as v from "valibot";
import { parseJson, parseWith } from "../../format/parse.ts";
import { UserError } from "../../trainer/errors.ts";
import { wrangler } from "../wrangler.ts";
import { readWranglerConfig } from "../wrangler-config.ts";
import { BINDING } from "./binding.ts";
import { ApiError, CloudflareApi } from "./cloudflare-api.ts";

/** A KV namespace in a Cloudflare account. */
export interface AccountNamespace {
  api: CloudflareApi;
  account: string;
  /** The namespace's id. */
  id: string;
}

const CredentialsSchema = v.variant("type", [
  v.object({ type: v.picklist(["oauth", "api_token"]), token: v.string() }),
  v.object({ type: v.literal("api_key"), key: v.string(), email: v.string() }),
]);

/** The API of Cloudflare; wrangler takes the same variable for another one. */
const API_BASE = "https://api.cloudflare.com/client/v4";

/**
 * The namespace that the binding MODELS of a configuration of wrangler names, or else the one that its deployed Worker
 * has, in the account of wrangler's login. Throws UserError where nobody is logged in, or there is no namespace.
 */
export async function findAccountNamespace(config: string, environment?: string): Promise<AccountNamespace> {
  const { kv_namespaces: namespaces, account_id, name } = await readWranglerConfig(config, environment);
  const namespace = namespaces.find(({ binding }) => binding === BINDING);
  if (namespace === undefined) {
    const of = environment === undefined ? "" : `, in the environment ${environment}`;
    throw new UserError(`${config}: got no kv_namespaces with the binding ${BINDING}${of}, expected one`);
  }
  const api = new CloudflareApi(
    new URL(`${process.env.CLOUDFLARE_API_BASE_URL ?? API_BASE}/`.replace(/\/+$/, "/")),
    await credentialHeaders(config),
  );
  const account = process.env.CLOUDFLARE_ACCOUNT_ID ?? account_id ?? (await onlyAccount(api, config));
  const id = NO_ID.test(namespace.id ?? "") ? await idOfWorker(api, account, config, name ?? "") : namespace.id;
  return { api, id: id ?? "", account };
}

/** Earlier versions of wrangler.toml had zeros where there was no id yet. */
const NO_ID = /^0*$/;

const SettingsSchema = v.object({
  bindings: v.array(v.object({ type: v.string(), name: v.string(), namespace_id: v.optional(v.string()) })),
});

/**
 * The id of the namespace that a deployed Worker is bound to: `wrangler deploy` makes one for a binding without an id.
 */
async function idOfWorker(api: CloudflareApi, account: string, config: string, worker: string): Promise<string> {
  const deploy = "`npm run deploy`, or `npx wrangler deploy`, makes it";
  const place = `${config}: kv_namespaces: got no id for ${BINDING}`;
  try {
    const path = `accounts/${account}/workers/scripts/${encodeURIComponent(worker)}/settings`;
    const { bindings } = (await api.call("GET", path, SettingsSchema)).result;
    const id = bindings.find(({ type, name }) => type === "kv_namespace" && name === BINDING)?.namespace_id;
    if (id !== undefined) return id;
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
    throw new UserError(`${place}, and no Worker ${worker} is deployed in the account; ${deploy}`, { cause: error });
  }
  throw new UserError(`${place}, and the deployed Worker ${worker} has no such binding; ${deploy}`);
}

/** The headers with the credentials that wrangler has of its login, or of the environment. */
async function credentialHeaders(config: string): Promise<Record<string, string>> {
  const printed = await wrangler(["auth", "token", "--json"], config).catch((error: Error) => {
    const why = /not logged in/i.test(error.message)
      ? "you are not logged in to Cloudflare"
      : `wrangler gives no login: ${error.message}`;
    throw new UserError(`${why}; run \`npx wrangler login\`, or set CLOUDFLARE_API_TOKEN`, { cause: error });
  });
  const [json = ""] = /^\{.*^\}/ms.exec(printed) ?? [];
  const credentials = parseWith(CredentialsSchema, parseJson(json, "wrangler auth token"), "wrangler auth token");
  return credentials.type === "api_key"
    ? { "x-auth-key": credentials.key, "x-auth-email": credentials.email }
    : { authorization: `Bearer ${credentials.token}` };
}

const AccountsSchema = v.array(v.object({ id: v.string(), name: v.string() }));

async function onlyAccount(api: CloudflareApi, config: string): Promise<string> {
  const { result } = await api.call("GET", "accounts", AccountsSchema);
  const [only, ...others] = result;
  if (only !== undefined && others.length === 0) return only.id;
  const found = result.map(({ id, name }) => `${id} (${name})`).join(", ");
  throw new UserError(
    `${config}: got no account_id, and a login to ${result.length} accounts${found && `: ${found}`}; ` +
      "expected account_id, or CLOUDFLARE_ACCOUNT_ID in the environment",
  );
}
