/** The text of a document. */
declare module "*.md?raw" {
  const text: string;
  export default text;
}

declare module "*/clients/router.js" {
  const router: { fetch(request: Request, env: object): Promise<Response> };
  export default router;
}
