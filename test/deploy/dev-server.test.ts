import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { start } from "../../cli/commands/start.ts";
import { startDevServer } from "../../deploy/dev-server.ts";
import { UserError } from "../../trainer/errors.ts";
import { DEFAULT_LIMITS } from "../../trainer/export/report.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-dev-server-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The configuration of a Worker with this script. */
function worker(name: string, script: string): string {
  writeFileSync(join(folder, `${name}.js`), script);
  const config = join(folder, `${name}.toml`);
  writeFileSync(config, `name = "${name}"\nmain = "${name}.js"\ncompatibility_date = "2026-10-20"\n`);
  return config;
}

let taken: Server;
let port: number;
beforeAll(async () => {
  taken = createServer();
  await once(taken.listen(0, "127.0.0.1"), "listening");
  port = (taken.address() as AddressInfo).port;
});
afterAll(() => taken.close());

describe("startDevServer", () => {
  it("serves until it is disposed", async () => {
    const config = worker("fine", "export default { fetch: () => new Response('here') };");
    let url: URL;
    {
      await using server = await startDevServer(config);
      url = server.url;
      expect(await (await fetch(url)).text()).toBe("here");
    }
    await expect(fetch(url)).rejects.toThrow();
  });

  it("says that a port is taken", async () => {
    const config = worker("late", "export default { fetch: () => new Response() };");
    const starting = startDevServer(config, { port });
    await expect(starting).rejects.toThrow(UserError);
    await expect(starting).rejects.toThrow(`port ${port}: another process listens there; choose another one`);
    await expect(startDevServer(config, { port: 65536 })).rejects.toThrow(/^port 65536: /);
  });

  it("says what is wrong with a Worker that does not build or start", async () => {
    const broken = startDevServer(worker("broken", "export default {"));
    await expect(broken).rejects.toThrow(
      /^the Worker did not start: .*broken\.js:1:16: ERROR: Expected identifier but found end of file/s,
    );
    const throwing = startDevServer(worker("throwing", "throw new Error('on the way up');"));
    await expect(throwing).rejects.toThrow(/^the Worker did not start: .*on the way up/s);
    await expect(startDevServer(join(folder, "absent.toml"))).rejects.toThrow(
      /^the Worker did not start: .*absent\.toml/s,
    );
  });
});

it("start finds a taken port before it trains", async () => {
  const options = { out: join(folder, "run"), rows: 1e9, seed: 1, quantize: "int8", limits: DEFAULT_LIMITS } as const;
  await expect(start({ ...options, port })).rejects.toThrow(`port ${port}: another process listens there`);
});
