import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { startLineCollector } from "../../deploy/line-collector.ts";
import { collectorSink } from "../../worker/exposures/collector-sink.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-collector-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

const NOW = new Date("2026-01-02T03:04:05.678Z");
const encoded = (lines: readonly string[]): Uint8Array[] => lines.map((line) => new TextEncoder().encode(line));
const written = (kind: string): string => readFileSync(join(folder, kind, "2026-01-02T03-04-05.678Z.ndjson"), "utf8");
const post = (url: string, body: string): Promise<Response> => fetch(url, { method: "POST", body });

test("what a Worker's sink sends is in a file of its kind when that is answered, no request's lines among another's", async () => {
  vi.spyOn(console, "log").mockImplementation(() => {});
  await using collector = await startLineCollector(folder, NOW);
  const sink = collectorSink(collector.url);
  const batches = Array.from({ length: 20 }, (_, b) => Array.from({ length: 500 }, (_, i) => `{"id":"${b}-é-${i}"}`));
  await Promise.all(batches.map((lines) => sink.send("exposures", encoded(lines))));
  await sink.send("events", encoded(['{"id":"e"}']));
  const text = written("exposures");
  for (const lines of batches) expect(text).toContain(`${lines.join("\n")}\n`);
  expect(text.trimEnd().split("\n")).toHaveLength(10_000);
  expect(written("events")).toBe('{"id":"e"}\n');
  expect(console.log).toHaveBeenCalledTimes(2);
});

test("nobody writes who does not know the secret, or asks for another file", async () => {
  const before = globSync("**", { cwd: folder });
  await using collector = await startLineCollector(folder, new Date(0));
  const { origin } = new URL(collector.url);
  for (const path of ["/exposures", "/", `/${"0".repeat(32)}/exposures`])
    expect((await post(origin + path, "x")).status).toBe(404);
  for (const path of ["", "/other", "/../events", "/exposures/x"])
    expect((await post(collector.url + path, "x")).status).toBe(404);
  expect((await fetch(`${collector.url}/exposures`)).status).toBe(405);
  expect(globSync("**", { cwd: folder })).toEqual(before);
});

test("where the system refuses, the sink rejects, and the lines arrive when it takes them", async () => {
  const place = join(folder, "file");
  writeFileSync(place, "in the way of the folder");
  const said = vi.spyOn(console, "error").mockImplementation(() => {});
  vi.spyOn(console, "log").mockImplementation(() => {});
  await using collector = await startLineCollector(place, NOW);
  const sink = collectorSink(collector.url);
  await expect(sink.send("events", encoded(["{}"]))).rejects.toThrow("got status 507 from LINE_COLLECTOR");
  expect(said.mock.lastCall?.[0]).toContain(join(place, "events"));
  rmSync(place);
  await sink.send("events", encoded(["{}"]));
  expect(readFileSync(join(place, "events", "2026-01-02T03-04-05.678Z.ndjson"), "utf8")).toBe("{}\n");
});

test("lines are in a new file where the old one was removed, or another process has its name", async () => {
  const place = join(folder, "removed");
  vi.spyOn(console, "log").mockImplementation(() => {});
  const texts = (): string[] =>
    globSync(join(place, "events", "*"))
      .sort()
      .map((path) => readFileSync(path, "utf8"));
  await using one = await startLineCollector(place, NOW);
  await using two = await startLineCollector(place, NOW);
  await collectorSink(one.url).send("events", encoded(["1"]));
  await collectorSink(two.url).send("events", encoded(["2"]));
  expect(texts()).toEqual(["2\n", "1\n"]); // "…-1.ndjson" is before "….ndjson"
  rmSync(place, { recursive: true });
  await collectorSink(two.url).send("events", encoded(["3"]));
  await collectorSink(two.url).send("events", encoded(["4"]));
  expect(texts()).toEqual(["3\n4\n"]);
  rmSync(join(place, "events"), { recursive: true });
  writeFileSync(join(place, "events"), "in the way");
  vi.spyOn(console, "error").mockImplementation(() => {});
  await expect(collectorSink(two.url).send("events", encoded(["5"]))).rejects.toThrow("got status 507");
});

test("a sink is of this machine", () => {
  for (const url of ["http://127.0.0.1:1/x", "http://localhost:1/x", "http://[::1]:1/x"])
    expect(collectorSink(url)).toHaveProperty("send");
  for (const url of ["", "x", "https://127.0.0.1/x", "http://collector.example/x", "http://127.0.0.1.example/x"])
    expect(() => collectorSink(url)).toThrow(/^LINE_COLLECTOR: got ".*", expected an http: URL of this machine/);
});
