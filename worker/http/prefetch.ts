/** Headers by which browsers say what they fetch a page for; the old ones of Firefox and Safari among them. */
const PURPOSES = ["sec-purpose", "purpose", "x-purpose", "x-moz"] as const;

/** Whether a request is for a page that nobody has asked for yet. Browsers that say nothing of that are believed. */
export function isPrefetch(headers: Headers): boolean {
  return PURPOSES.some((name) => {
    const purpose = headers.get(name);
    return purpose !== null && /prefetch|prerender|preview/i.test(purpose);
  });
}
