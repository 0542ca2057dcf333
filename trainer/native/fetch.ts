import { createHash } from "node:crypto";
import { createReadStream, existsSync, mkdirSync, readdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { UserError } from "../errors.ts";
import { toldFault } from "../io/system-fault.ts";
import { TemporaryFolder } from "../io/temporary.ts";
import { startTask } from "../terminal/progress.ts";
import type { Piece } from "./pieces.ts";
import { firstThatRuns, lastLines, type Program, runProgram } from "./programs.ts";

const MB = 1e6;

/** Milliseconds between two looks at how much of a file is there. */
const LOOK_MS = 200;

/** What can fetch from the two registries, as its user has set it up. */
export interface Clients {
  pypi: Program;
  npm: Program;
}

/** Clients of PyPI's registry: pip as Python has it, or in another client's own environment. */
const PIPS: readonly Program[] = [
  ["python3", "-m", "pip"],
  ["python", "-m", "pip"],
  ["pip3"],
  ["pip"],
  ["uvx", "pip"],
  ["pipx", "run", "pip"],
];

/** Finds the clients that this machine has. Throws UserError where one is missing. */
export async function findClients(): Promise<Clients> {
  const pip = await firstThatRuns(PIPS, ["--version"]);
  if (pip === null)
    throw new UserError(
      "got no pip, expected one, or uv or pipx, to fetch TensorFlow from PyPI: " +
        "install one (apt install python3-pip, dnf install python3-pip, or https://docs.astral.sh/uv)",
    );
  const npm = await firstThatRuns([["npm"]], ["--version"]);
  if (npm === null)
    throw new UserError("got no npm, expected one to fetch tfjs-node's sources: install Node.js with npm");
  return { pypi: pip.program, npm: npm.program };
}

/**
 * Fetches a piece to `path`, where it is whole or not at all: it is fetched into a folder beside it, and its hash
 * verified. Throws UserError, which says what to do.
 */
export async function fetchPiece(piece: Piece, path: string, clients: Clients): Promise<void> {
  const { name, version, bytes, file } = piece;
  using folder = new TemporaryFolder(join(path, ".."), "fetch");
  const [to, scratch] = [join(folder.path, "to"), join(folder.path, "scratch")];
  for (const made of [to, scratch]) mkdirSync(made);
  using task = startTask(`fetching ${name} ${version}`, bytes / MB, "MB", "MB");
  let seen = 0;
  const look = (): void => {
    const there = Math.min(bytes, Math.max(bytesIn(scratch), bytesIn(to)));
    task.advance((there - seen) / MB);
    seen = there;
  };
  const looking = setInterval(look, LOOK_MS);
  try {
    const run = piece.registry === "pypi" ? runPip : runNpm;
    const { code, printed } = await run(clients[piece.registry], piece, to, scratch);
    if (code !== 0 || !existsSync(join(to, file))) throw fetchFault(piece, folder.path, printed);
  } finally {
    clearInterval(looking);
  }
  look();
  await verifyPiece(piece, join(to, file));
  renameSync(join(to, file), path);
  task.done();
}

/** Throws UserError where a file is not the piece. */
async function verifyPiece({ name, bytes, sha256 }: Piece, path: string): Promise<void> {
  const { size } = statSync(path);
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  const got = hash.digest("hex");
  if (size === bytes && got === sha256) return;
  throw new UserError(
    `${name}: got a file of ${size} bytes and the SHA-256 ${got}, expected ${bytes} and ${sha256}: the registry or its ` +
      "mirror serves another file under that name; fetch from another index",
  );
}

function runPip(pip: Program, { name, version, sha256, file }: Piece, to: string, scratch: string) {
  const wanted = join(scratch, "wanted.txt");
  writeFileSync(wanted, `${name}==${version} --hash=sha256:${sha256}\n`);
  // The file's own tags, and not this machine's: the file is no module for the Python that fetches it.
  const [platform] = /manylinux\d{4}_x86_64/.exec(file) ?? [];
  const tags = ["--python-version", "3.12", "--implementation", "cp", "--abi", "cp312", "--platform", `${platform}`];
  const quiet = ["--disable-pip-version-check", "--no-input", "--no-cache-dir", "--progress-bar", "off"];
  const args = ["download", "--no-deps", "--only-binary=:all:", ...tags, ...quiet, "--dest", to, "-r", wanted];
  // A pip that is to install in virtual environments alone may fetch all the same.
  return runProgram(pip, args, { env: { TMPDIR: scratch, PIP_REQUIRE_VIRTUALENV: "0" } });
}

function runNpm(npm: Program, { name, version }: Piece, to: string, scratch: string) {
  const args = ["pack", `${name}@${version}`, "--ignore-scripts", "--pack-destination", to];
  return runProgram(npm, args, { env: { TMPDIR: scratch }, cwd: to });
}

/** What a client's words mean for its user; the first that fit. */
const FAULTS: readonly (readonly [RegExp, string])[] = [
  [
    // A pip before 25.1 takes half a download for the whole.
    /DO NOT MATCH THE HASHES|EINTEGRITY/,
    "got a file with another hash than the one that is pinned. Either half of it came: run the command again; or the " +
      "registry or its mirror serves another file under that name: fetch from another index",
  ],
  [
    /Max retries|NewConnectionError|name resolution|timed out|ProxyError|SSLError|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED/i,
    "the registry was not reached: check the network, and the proxy's variables",
  ],
  [
    /IncompleteRead|incomplete|Connection broken|ECONNRESET|Connection reset/i,
    "half of it came: run the command again",
  ],
  [
    /No matching distribution|Could not find a version|\b404\b|ETARGET|E404/,
    "the registry has it no longer, or its mirror does not: fetch from another index (PIP_INDEX_URL, or npm's registry)",
  ],
  [/no such option|unrecognized arguments/i, "this pip is too old: expected 20 or later"],
];

function fetchFault({ name, version, registry }: Piece, folder: string, printed: string): UserError {
  const what = `${name} ${version} was not fetched from ${registry === "pypi" ? "PyPI" : "npm"}`;
  const told = toldFault(folder, printed);
  if (told !== null) return told;
  const [, advice] = FAULTS.find(([words]) => words.test(printed)) ?? [];
  return new UserError(`${what}${advice ? `: ${advice}` : ""}; its client printed:\n${lastLines(printed)}`);
}

/** The bytes of all files below a folder, while another process writes them. */
function bytesIn(folder: string): number {
  let sum = 0;
  try {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
      if (entry.isFile()) sum += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  } catch {
    // A folder went while it was read.
  }
  return sum;
}
