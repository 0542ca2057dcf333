import { expect, test } from "vitest";
import { loggedErrors } from "../client.ts";
import { startInFront, visit } from "./front-worker.ts";
import { SHOP_ROUTES } from "./shop.ts";

// Should the Worker throw before anything is sent, the runtime sends the request to what is behind the Worker's route:
// here to BEHIND_THE_ROUTE of vitest.config.ts, which answers what it was asked.

test.each(["/shop/site3", "/else"])(
  "what the Worker throws becomes the answer of the route's origin: %s",
  async (path) => {
    loggedErrors();
    const failing = {
      fetch: async (): Promise<Response> => {
        throw new Error("forced");
      },
    };
    startInFront(SHOP_ROUTES, { ORIGIN: failing });
    const response = await visit(`${path}?a=1`, { headers: { "x-visitor": "1" } });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ url: `https://shop.example${path}?a=1`, visitor: "1" });
  },
);

test.each(["POST", "PUT", "DELETE", "PATCH"])(
  "what the origin may have done already is not asked for once more: %s",
  async (method) => {
    loggedErrors();
    const asked: string[] = [];
    const failing = {
      fetch: async (request: Request): Promise<Response> => {
        asked.push(`${request.method} ${await request.text()}`);
        throw new Error("forced");
      },
    };
    startInFront(SHOP_ROUTES, { ORIGIN: failing });
    for (const path of ["/shop/site3", "/else"])
      await expect(visit(path, { method, body: "pay" })).rejects.toThrow("forced");
    expect(asked).toEqual([`${method} pay`, `${method} pay`]);
  },
);
