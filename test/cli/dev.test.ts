import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test, vi } from "vitest";
import { parseEvent } from "../../format/event.ts";
import { parseExposure } from "../../format/exposure.ts";
import { generateToken } from "../../format/tokens.ts";
import { saveGoldenExport } from "../deploy/golden-export.ts";
import { runHere } from "./command-here.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-dev-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** One of loopback at which nothing listens, and none of those that the system gives to whoever asks for any. */
async function freePort(): Promise<number> {
  for (let port = 20_000 + (process.pid % 10_000); ; port++) {
    const server = createServer();
    const free = await once(server.listen(port, "127.0.0.1"), "listening").then(
      () => true,
      () => false,
    );
    server.close();
    if (free) return port;
  }
}

/** The lines of all files of a kind. A line is one when it has ended: a file is there before its first line is. */
const linesOf = (kind: string): string[] =>
  globSync(join(folder, "lines", kind, "*.ndjson")).flatMap((path) => readFileSync(path, "utf8").match(/.+\n/g) ?? []);

/** Ranks a list of a visitor's, once the Worker answers, and has its experiments: until then a list is in no log. */
async function rankAt(url: string): Promise<{ experiment: { id: string; arm: string } }> {
  const body = {
    experiment: "home",
    context: { site: "s1", device: "phone" },
    candidates: [{ ad: "ad1", price: 1 }, { ad: "ad2" }],
    ids: ["hat", "coat"],
  };
  const request = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  return vi.waitFor(
    async () => {
      const response = await fetch(`${url}/v1/rank`, request);
      const text = await response.text();
      expect(response.status, text).toBe(200);
      expect(JSON.parse(text), text).toHaveProperty("experiment.id");
      return JSON.parse(text);
    },
    { timeout: 120_000, interval: 250 },
  );
}

test("exposures and events are in files when the Worker of `dev` has shown a list", async () => {
  const store = ["--persist-to", join(folder, "state")];
  await saveGoldenExport(join(folder, "export"), "tiny");
  const arms = [
    { arm: "origin", model: null },
    { arm: "model", model: "tiny" },
  ];
  writeFileSync(join(folder, "arms.json"), JSON.stringify(arms));
  const create = ["create", "ranker", "--list", "home", "--arms", "arms.json", "--unit", "site"];
  for (const args of [
    ["publish", "export"],
    ["experiment", ...create],
    ["experiment", "start", "ranker", "--coverage", "100%"],
  ])
    expect(await runHere(folder, [...args, ...store])).toMatchObject({ code: 0 });

  const port = await freePort();
  const vars = [`EXPERIMENT_SECRETS:${generateToken()}`, "EXPERIMENT_UNITS:site=context:site"];
  // From another folder than the one whose build its configuration has.
  const program = fileURLToPath(new URL("../../cli/cli.ts", import.meta.url));
  const options = ["--logs", "lines", "--port", String(port), "--persist-to", "state", "--var", ...vars];
  const child = spawn(process.execPath, [program, "dev", ...options], { cwd: folder });
  let printed = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (text) => {
      printed += text;
    });
  const ended = once(child, "close");
  try {
    const url = `http://127.0.0.1:${port}`;
    const { experiment } = await rankAt(url);
    await vi.waitFor(() => expect(linesOf("exposures")).toHaveLength(1), { timeout: 120_000, interval: 100 });
    const line = parseExposure(linesOf("exposures")[0] ?? "");
    expect(line).toMatchObject({ id: experiment.id, arm: experiment.arm, x: "ranker", cand: ["hat", "coat"] });

    const events = [{ id: experiment.id, type: "click", item: "coat" }];
    const sent = await fetch(`${url}/v1/events`, {
      ...{ method: "POST", headers: { "content-type": "application/json" } },
      body: JSON.stringify({ events }),
    });
    expect(await sent.json()).toEqual({ accepted: 1 });
    await vi.waitFor(() => expect(linesOf("events")).toHaveLength(1), { timeout: 120_000, interval: 100 });
    expect(parseEvent(linesOf("events")[0] ?? "")).toMatchObject(events[0] as object);

    const { out } = await runHere(folder, ["experiment", "analyze", "--logs", "lines"]);
    expect(out).toContain("ranker");
    expect(existsSync(join(folder, "logs"))).toBe(false);
  } catch (error) {
    throw new Error(`${error}; deepfm-edge dev has printed:\n${printed}`, { cause: error });
  } finally {
    child.kill("SIGKILL"); // nothing of it can tidy up
    await ended;
  }
  const url = `http://127.0.0.1:${port}/healthz`;
  await vi.waitFor(() => expect(fetch(url)).rejects.toThrow(), { timeout: 120_000, interval: 100 });
});

test("what `dev` cannot use is said before anything starts", async () => {
  writeFileSync(join(folder, "a-file"), "");
  symlinkSync("a-file", join(folder, "a-link"));
  symlinkSync("absent", join(folder, "to-nothing"));
  for (const [args, error] of [
    [["--config", "absent.toml"], "absent.toml: got no file, expected wrangler's configuration"],
    [["--port", "abc"], "got abc, expected an integer of 1 to 65535"],
    [["--logs", "a-file"], "a-file: got a file, expected a folder for the lines of experiments"],
    [["--logs", "a-link"], "a-link: got a file, expected a folder for the lines of experiments"],
    [["--logs", "to-nothing"], "to-nothing: got a link to nothing, expected a folder for the lines of experiments"],
    [["--persist-to", "a-file"], "a-file: got a file, expected a folder for the local KV"],
  ] as const) {
    const { code, out } = await runHere(folder, ["dev", ...args]);
    expect([code, out]).toEqual([1, expect.stringContaining(error)]);
  }
});
