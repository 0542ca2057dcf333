// A request as programs write it. None has the token: it stands in an environment variable.

const TOKEN_VARIABLE = "DEEPFM_EDGE_TOKEN";

export interface SnippetRequest {
  /** Of the Worker, without a slash at the end. */
  url: string;
  path: string;
  body: object;
  /** Whether a token goes with it. */
  token: boolean;
}

export type Language = "curl" | "typescript" | "python";

export function snippet(language: Language, request: SnippetRequest): string {
  return { curl, typescript, python }[language](request);
}

function curl({ url, path, body, token }: SnippetRequest): string {
  return [
    `curl -s ${quoted(url + path)}`,
    "-H 'content-type: application/json'",
    ...(token ? [`-H "authorization: Bearer $${TOKEN_VARIABLE}"`] : []),
    `-d ${quoted(JSON.stringify(body, null, 2))}`,
  ].join(" \\\n  ");
}

/** A word of a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function typescript({ url, path, body, token }: SnippetRequest): string {
  const headers = token ? `, {\n  headers: { authorization: \`Bearer \${process.env.${TOKEN_VARIABLE}}\` },\n}` : "";
  return `import type { AppType } from "deepfm-edge/worker";
import { hc } from "hono/client";

const client = hc<AppType>(${JSON.stringify(url)}${headers});
const response = await client${path.replaceAll("/", ".")}.$post({
  json: ${typescriptLiteral(body).replaceAll("\n", "\n  ")},
});
if (!response.ok) throw new Error((await response.json()).detail);
console.log(JSON.stringify(await response.json()));
`;
}

/** A JSON value in TypeScript, where a plain `__proto__` would be no key of its own. */
function typescriptLiteral(value: object): string {
  // A key begins its line: after a quote within a key, or in a text, the same characters are no key.
  return JSON.stringify(value, null, 2).replaceAll(/^( *)"__proto__":/gm, '$1["__proto__"]:');
}

function python({ url, path, body, token }: SnippetRequest): string {
  const headers = [
    '"content-type": "application/json"',
    ...(token ? [`"authorization": "Bearer " + os.environ["${TOKEN_VARIABLE}"]`] : []),
  ];
  return `import json
${token ? "import os\n" : ""}import urllib.request

body = ${pythonLiteral(body, "")}
request = urllib.request.Request(
    ${JSON.stringify(url + path)},
    json.dumps(body).encode(),
    {${headers.join(", ")}},
)
with urllib.request.urlopen(request, timeout=10) as response:
    print(json.dumps(json.load(response)))
`;
}

/** A JSON value in Python, whose texts and numbers are written as JSON's are. */
function pythonLiteral(value: unknown, indent: string): string {
  if (value === true) return "True";
  if (value === false) return "False";
  if (value === null) return "None";
  if (typeof value !== "object") return JSON.stringify(value);
  const inner = `${indent}    `;
  const parts = Array.isArray(value)
    ? value.map((part) => pythonLiteral(part, inner))
    : Object.entries(value).map(([key, part]) => `${JSON.stringify(key)}: ${pythonLiteral(part, inner)}`);
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  return parts.length === 0
    ? open + close
    : `${open}\n${parts.map((part) => `${inner}${part},\n`).join("")}${indent}${close}`;
}
