import { SettingError } from "../http/errors.ts";
import type { OriginFetcher, OriginSetting } from "./rerank-bindings.ts";

/** Hosts that no origin is behind, so that to ask them would be to ask the Worker itself. */
const OWN_HOST = /^(localhost|\[.*\]|\d+(\.\d+){3}|.*\.workers\.dev)$/;

/** Asks the origin, once, and does not follow redirects. Throws SettingError where there is none. */
export function askOrigin(request: Request, origin: OriginSetting): Promise<Response> {
  if (isBinding(origin)) return origin.fetch(new Request(request, { redirect: "manual" }));
  const url = new URL(request.url);
  if (origin === undefined || origin === "") {
    if (OWN_HOST.test(url.hostname))
      throw new SettingError(
        `ORIGIN: got none, expected the base of a URL or a service binding, as no origin is behind ${url.hostname}`,
      );
    return fetch(new Request(request, { redirect: "manual" }));
  }
  return fetch(new Request(movedTo(url, origin), new Request(request, { redirect: "manual" })));
}

/** Whether it is a service binding, and not text or what else a variable may be. */
export function isBinding(origin: OriginSetting): origin is OriginFetcher {
  return typeof (origin as Partial<OriginFetcher> | null | undefined)?.fetch === "function";
}

function movedTo({ pathname, search }: URL, origin: string): string {
  const base = typeof origin === "string" ? URL.parse(origin) : null;
  // Else what of it is no base would be left out without a word: a password, too.
  if (base === null || !/^https?:$/.test(base.protocol) || base.href !== base.origin + base.pathname)
    throw new SettingError(
      "ORIGIN: got another value, expected the base of a URL such as https://origin.example.com, or a service binding",
    );
  return `${base.origin}${base.pathname.replace(/\/$/, "")}${pathname}${search}`;
}

/** By which the origin could answer with less than the whole page. */
const CONDITIONAL = ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "range"];

/** The request for the whole of a page. */
export function wholePage(request: Request): Request {
  if (!CONDITIONAL.some((name) => request.headers.has(name))) return request;
  const headers = new Headers(request.headers);
  for (const name of CONDITIONAL) headers.delete(name);
  return new Request(request, { headers });
}

/** What is true of the page that the origin sent, or would let a cache keep it for other visitors. */
const OF_ONE_PAGE = [
  ...["etag", "last-modified", "accept-ranges", "expires", "age"],
  ...["digest", "content-digest", "repr-digest", "content-md5"],
  ...["surrogate-control", "edge-control", "x-accel-expires"],
];
/** What ends the names of policies for some caches alone (RFC 9213). */
const OF_SOME_CACHES = "-cache-control";

/**
 * Makes the headers those of a page that is one visitor's, the same for each page of the route whatever became of its
 * lists: else what is shown to one arm would be cached in other ways than what is shown to another.
 */
export function markPersonal(headers: Headers): void {
  for (const name of [...headers.keys()])
    if (OF_ONE_PAGE.includes(name) || name.endsWith(OF_SOME_CACHES)) headers.delete(name);
  // What nobody may store or change stays so.
  const stricter = (headers.get("cache-control") ?? "").match(/\bno-(store|transform)\b/gi) ?? [];
  headers.set("cache-control", ["private, no-cache", ...stricter].join(", "));
  const vary = headers.get("vary") ?? "";
  if (!/(^|,)\s*(\*|cookie)\s*(,|$)/i.test(vary)) headers.set("vary", vary === "" ? "Cookie" : `${vary}, Cookie`);
}
