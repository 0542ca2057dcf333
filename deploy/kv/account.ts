import * as v from "valibot";
import { parseJson, parseWith } from "../../format/parse.ts";
import { UserError } from "../../trainer/errors.ts";
import { wrangler } from "../wrangler.ts";
import { BINDING } from "./binding.ts";
import { CloudflareApi } from "./cloudflare-api.ts";

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
 * The namespace that the binding MODELS of a configuration of wrangler names, in the account of wrangler's login.
 * Throws UserError where nobody is logged in, or the configuration names no namespace.
 */
export async function findAccountNamespace(config: string): Promise<AccountNamespace> {
  const { id, account } = await readNamespace(config);
  const api = new CloudflareApi(
    new URL(`${process.env.CLOUDFLARE_API_BASE_URL ?? API_BASE}/`.replace(/\/+$/, "/")),
    await credentialHeaders(config),
  );
  return { api, id, account: process.env.CLOUDFLARE_ACCOUNT_ID ?? account ?? (await onlyAccount(api, config)) };
}

/** What is used of a configuration. */
const ConfigSchema = v.object({
  kv_namespaces: v.array(v.object({ binding: v.string(), id: v.optional(v.string()) })),
  account_id: v.optional(v.string()),
});

/** What a configuration says of the namespace; `account` is undefined where it says nothing. */
async function readNamespace(config: string): Promise<{ id: string; account: string | undefined }> {
  const { unstable_readConfig } = await import("wrangler");
  const { kv_namespaces: namespaces, account_id: account } = parseWith(
    ConfigSchema,
    unstable_readConfig({ config }, { hideWarnings: true }),
    config,
  );
  const namespace = namespaces.find(({ binding }) => binding === BINDING);
  if (namespace === undefined)
    throw new UserError(`${config}: got no kv_namespaces with the binding ${BINDING}, expected one`);
  const { id = "" } = namespace;
  // The id of the repository's wrangler.toml is zeros, which stand for none.
  if (/^0*$/.test(id)) {
    const command = `npx wrangler kv namespace create ${BINDING}`;
    throw new UserError(
      `${config}: kv_namespaces: got ${id === "" ? "no id" : `the id ${id}`}, expected the one that \`${command}\` prints`,
    );
  }
  return { id, account };
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
