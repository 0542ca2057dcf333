import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { UserError } from "../errors.ts";
import { FolderLock } from "../io/folder-lock.ts";
import { makeFolder } from "../io/folders.ts";
import { writeJson } from "../io/json-file.ts";
import { systemFault } from "../io/system-fault.ts";
import { removeQuietly, TemporaryFolder, temporaryPath } from "../io/temporary.ts";
import { say, startTask } from "../terminal/progress.ts";
import type { Check } from "./basic-checks.ts";
import { type Compiler, compileBinding, findCompiler, zigCompiler } from "./compile.ts";
import { type Clients, fetchPiece, findClients } from "./fetch.ts";
import {
  ADDON,
  type Build,
  type Install,
  installFolder,
  manifestPath,
  nativeRoot,
  newManifest,
  partFolder,
  readInstall,
} from "./installs.ts";
import { checkGpu, checkMachine, checkRoom, findGpu, thisMachine } from "./machine.ts";
import { type Piece, piecesOf, ZIG } from "./pieces.ts";
import { testInstall } from "./self-test.ts";
import { unpackTgz, unpackZip } from "./unpack.ts";

// An installation is made in a folder beside its own, piece by piece: each is fetched, verified, unpacked and renamed,
// so that a killed installation goes on with the next piece. The whole is tested, and then renamed to where it is used.
//
//     <name>.part/
//       files/<file>            a fetched piece that is not unpacked yet
//       made/<name>/<target>    an unpacked piece
//       zig/                    a compiler, for a machine that has none

/** What a user is asked about before anything is fetched. */
export interface InstallPlan {
  build: Build;
  root: string;
  /** The folder to be. */
  folder: string;
  pieces: readonly Piece[];
  clients: Clients;
  /** Null where ziglang is fetched. */
  compiler: Compiler | null;
  /** Bytes to be fetched: of pieces that an earlier installation has not left. */
  bytes: number;
  /** Free bytes of disk that it takes at most. */
  room: number;
  /** What it is tested on: a GPU's build on the CPU, where nothing is asked of this machine's GPU. */
  device: Build;
}

/** Bytes of the addon, the compiler's own files and the log. */
const SMALL_FILES = 50e6;

/**
 * Finds out whether and how a build can be installed here. `anyDevice`: ask nothing of this machine's GPU. Throws
 * UserError, which says what to do, where it cannot.
 */
export async function planInstall(build: Build, anyDevice: boolean, root = nativeRoot()): Promise<InstallPlan> {
  checkMachine(thisMachine());
  if (build === "gpu" && !anyDevice) checkGpu(await findGpu());
  const clients = await findClients();
  const compiler = await findCompiler();
  const pieces = [...piecesOf(build), ...(compiler === null ? [ZIG] : [])];
  const part = partFolder(build, root);
  const left = pieces.filter((piece) => !existsSync(targetOf(piece, build, part)));
  const bytes = left.reduce((sum, piece) => sum + (existsSync(fileOf(piece, part)) ? 0 : piece.bytes), 0);
  // A file goes when it is unpacked; while a client fetches it there may be two of it.
  const largest = left.reduce((most, piece) => Math.max(most, 2 * piece.bytes), 0);
  const room = left.reduce((sum, { unpacked }) => sum + unpacked, largest + SMALL_FILES);
  checkRoom(root, room);
  const device = anyDevice ? "cpu" : build;
  return { build, root, folder: installFolder(build, root), pieces, clients, compiler, bytes, room, device };
}

/** Where an installation stands, for whoever watches it. */
export type Stage = "fetch" | "unpack" | "compile" | "test";

/**
 * Makes an installation. Throws UserError where a step fails, or where another process makes the same; what is there by
 * then stays for the next time.
 */
export async function install(plan: InstallPlan, onStage: (stage: Stage) => void = () => {}): Promise<Install> {
  const { build, root, folder } = plan;
  const part = partFolder(build, root);
  {
    using _lock = new FolderLock(part);
    const before = readInstall(folder);
    if (before !== null) return before;
    try {
      await make(plan, part, onStage);
    } catch (error) {
      throw systemFault(part, error);
    }
    empty(part);
  }
  removeEmpty(part);
  const made = readInstall(folder);
  if (made === null) throw new Error(`${folder}: got no installation, expected the one that was made`);
  return made;
}

async function make(plan: InstallPlan, part: string, onStage: (stage: Stage) => void): Promise<void> {
  const { build, folder, pieces, clients, device } = plan;
  const made = join(part, "made", basename(folder));
  for (const piece of pieces) {
    const [file, target] = [fileOf(piece, part), targetOf(piece, build, part)];
    if (existsSync(target)) continue;
    makeFolder(dirname(file));
    onStage("fetch");
    // One that an earlier installation has left was verified then.
    if (!existsSync(file)) await fetchPiece(piece, file, clients);
    onStage("unpack");
    await unpackPiece(piece, file, target);
    rmSync(file);
  }
  const compiler = plan.compiler ?? (await zigCompiler(join(part, ZIG.target)));
  if (!existsSync(join(made, ADDON))) {
    onStage("compile");
    say(`compiling tfjs-node's binding with ${compiler.version}${compiler.env ? ", which takes minutes" : ""}`);
    await compileBinding(made, compiler);
  }
  writeJson(manifestPath(made), newManifest(build, compiler.version, filesIn(made)));
  onStage("test");
  say("testing it: version, device, product, gradient, memory");
  const { checks, passed } = await testInstall(join(part, "made"), device, "basic");
  if (!passed) {
    // Whoever has another compiler by the next time is to have it used.
    rmSync(join(made, ADDON));
    throw new UserError(failureText(checks, plan));
  }
  renameSync(made, folder);
}

function failureText(checks: readonly Check[], { build, device }: InstallPlan): string {
  const failed = checks.filter(({ passed }) => !passed).map(({ name, figure }) => `${name}: ${figure}`);
  const gpu = build === "gpu" ? " --gpu" : "";
  const advice = device === "gpu" ? "; where this machine's GPU is not to be asked, --no-device leaves that out" : "";
  return (
    `TensorFlow's ${build} build does not work here, and is not installed: ${failed.join("; ")}; the next installation ` +
    `compiles and tests it again, and after native remove${gpu} it fetches all anew${advice}`
  );
}

/** Removes an installation and what a killed one has left. Returns whether there was anything. */
export function removeInstall(build: Build, root = nativeRoot()): boolean {
  const [folder, part] = [installFolder(build, root), partFolder(build, root)];
  const there = [folder, part].filter((path) => existsSync(path));
  if (there.length === 0) return false;
  {
    using _lock = new FolderLock(part);
    // Renamed first, so that half of it is never taken for the whole.
    if (existsSync(folder)) renameSync(folder, temporaryPath(join(part, "removed")));
    empty(part);
  }
  removeEmpty(part);
  return true;
}

/** Removes what an installation has left that was killed after its last step. */
export function removeLeftOvers(build: Build, root = nativeRoot()): void {
  const part = partFolder(build, root);
  if (!existsSync(part)) return;
  {
    using _lock = new FolderLock(part);
    empty(part);
  }
  removeEmpty(part);
}

/** Empties a folder whose lock this process has. The lock's own file goes with it. */
function empty(folder: string): void {
  for (const name of readdirSync(folder)) if (!name.startsWith(".")) removeQuietly(join(folder, name));
}

/** Removes a folder in which another process may have begun something: then it stays. */
function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // It is not empty, or gone already.
  }
}

function fileOf({ file }: Piece, part: string): string {
  return join(part, "files", file);
}

function targetOf(piece: Piece, build: Build, part: string): string {
  return piece === ZIG ? join(part, ZIG.target) : join(part, "made", basename(installFolder(build)), piece.target);
}

/** Unpacks a piece to `target`, where it is whole or not at all. */
async function unpackPiece(piece: Piece, file: string, target: string): Promise<void> {
  const { name, version, registry, take, unpacked } = piece;
  makeFolder(dirname(target));
  using folder = new TemporaryFolder(dirname(target), "unpacked");
  const inside = join(folder.path, "piece");
  mkdirSync(inside);
  using task = startTask(`unpacking ${name} ${version}`, unpacked / 1e6, "MB", "MB");
  const count =
    registry === "npm"
      ? unpackTgz(file, inside, take)
      : await unpackZip(file, inside, take, (bytes) => task.advance(bytes / 1e6));
  if (count === 0) throw new UserError(`${file}: got none of ${take.members}, expected some`);
  renameSync(inside, target);
  task.done();
}

function filesIn(folder: string): { path: string; bytes: number }[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => path !== manifestPath(folder))
    .map((path) => ({ path: relative(folder, path), bytes: statSync(path).size }))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1));
}
