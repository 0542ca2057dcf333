// Fetching with the pip of this machine, from a folder and from servers on this machine.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { type Clients, fetchPiece, findClients } from "../../../trainer/native/fetch.ts";
import type { Piece } from "../../../trainer/native/pieces.ts";
import { zipOf } from "./zip.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-fetch-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => void vi.unstubAllEnvs());

const FILE = "deepfm_edge_piece-1.0-py3-none-manylinux2014_x86_64.whl";
const INFO = "deepfm_edge_piece-1.0.dist-info";
const wheel = zipOf({
  "piece/lib.so": "library",
  [`${INFO}/METADATA`]: "Metadata-Version: 2.1\nName: deepfm-edge-piece\nVersion: 1.0\n",
  [`${INFO}/WHEEL`]: "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-manylinux2014_x86_64\n",
  [`${INFO}/RECORD`]: "",
});
const piece: Piece = {
  ...{ registry: "pypi", name: "deepfm-edge-piece", version: "1.0", file: FILE, licence: "none" },
  ...{ bytes: wheel.length, sha256: createHash("sha256").update(wheel).digest("hex") },
  ...{ target: "piece", take: { members: /./, strip: "" }, unpacked: 7 },
};
const links = join(folder, "links");
mkdirSync(links);
writeFileSync(join(links, FILE), wheel);

const clients: Clients | null = await findClients().catch(() => null);

/** Fetches into a new folder, in which nothing may be left but what was fetched. */
async function fetchTo(name: string, wanted: Piece): Promise<string> {
  const path = join(folder, name, FILE);
  mkdirSync(join(folder, name));
  try {
    await fetchPiece(wanted, path, clients as Clients);
  } finally {
    expect(readdirSync(join(folder, name))).toEqual(existsSync(path) ? [FILE] : []);
  }
  return path;
}

function fromFolder(): void {
  vi.stubEnv("PIP_NO_INDEX", "1");
  vi.stubEnv("PIP_FIND_LINKS", links);
}

describe.skipIf(clients === null)("with this machine's pip", () => {
  it("a piece is fetched whole", async () => {
    fromFolder();
    expect(readFileSync(await fetchTo("whole", piece)).equals(wheel)).toBe(true);
  });

  it("one that is to install in virtual environments alone fetches it, too", async () => {
    fromFolder();
    vi.stubEnv("PIP_REQUIRE_VIRTUALENV", "1");
    expect(readFileSync(await fetchTo("virtual", piece)).equals(wheel)).toBe(true);
  });

  it("a file with another hash is refused, and one that is not there any more", async () => {
    fromFolder();
    const other = fetchTo("other", { ...piece, sha256: "0".repeat(64) });
    await expect(other).rejects.toThrow("got a file with another hash than the one that is pinned");
    const gone = fetchTo("gone", { ...piece, version: "1.1" });
    await expect(gone).rejects.toThrow(
      "deepfm-edge-piece 1.1 was not fetched from PyPI: the registry has it no longer",
    );
  });

  it("half a file is refused, and an index that no one answers for", async () => {
    const server = createServer((request, response) => {
      if (request.url?.endsWith(".whl")) {
        response.writeHead(200, { "content-length": wheel.length, "content-type": "application/octet-stream" });
        response.write(wheel.subarray(0, 100), () => response.destroy());
      } else response.writeHead(200, { "content-type": "text/html" }).end(`<a href="/files/${FILE}">${FILE}</a>`);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    vi.stubEnv("PIP_INDEX_URL", `http://127.0.0.1:${port}/simple`);
    vi.stubEnv("PIP_RETRIES", "1");
    vi.stubEnv("PIP_FIND_LINKS", "");
    vi.stubEnv("NO_PROXY", "127.0.0.1");
    await expect(fetchTo("half", piece)).rejects.toThrow(/half of it came: run the command again/i);
    await new Promise((resolve) => server.close(resolve));
    vi.stubEnv("PIP_INDEX_URL", "http://127.0.0.1:1/simple"); // a port that the system gives to nobody
    await expect(fetchTo("silent", piece)).rejects.toThrow("the registry was not reached");
  });
});

it("a machine without pip is told what to install", async () => {
  vi.stubEnv("PATH", folder);
  await expect(findClients()).rejects.toThrow("got no pip, expected one, or uv or pipx");
});
