import { chmodSync, existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../errors.ts";
import { temporaryPath } from "../io/temporary.ts";
import { ADDON } from "./installs.ts";
import { firstThatRuns, lastLines, type Program, runProgram } from "./programs.ts";

/** A compiler of C++, as a report names it. */
export interface Compiler {
  program: Program;
  version: string;
  /** What it reads besides this process's environment. */
  env?: NodeJS.ProcessEnv;
}

/** Node's interface for addons, of which the binding uses version 8: every Node since 12.22 has it. */
const NAPI_VERSION = 8;

/** Zig links for any glibc; this is the oldest that TensorFlow's wheels run with. */
const ZIG_TARGET = "x86_64-linux-gnu.2.17";

/** Finds a compiler that the machine has: what CXX names, or one of the usual names. Null where there is none. */
export function findCompiler(env: NodeJS.ProcessEnv = process.env): Promise<Compiler | null> {
  const named = env.CXX?.split(" ").filter((word) => word !== "") ?? [];
  const [first, ...rest] = named;
  const programs: Program[] = first === undefined ? [["g++"], ["clang++"], ["c++"]] : [[first, ...rest]];
  return firstThatRuns(programs, ["--version"]);
}

/** The compiler in an unpacked wheel of ziglang. */
export async function zigCompiler(folder: string): Promise<Compiler> {
  const zig = join(folder, "zig");
  chmodSync(zig, 0o755);
  const found = await firstThatRuns([[zig]], ["version"]);
  if (found === null) throw new UserError(`${zig}: does not run here; install a compiler (apt install g++)`);
  // Zig builds its C++ library when it is first asked to; what it keeps of it goes with the rest.
  const env = { ZIG_GLOBAL_CACHE_DIR: join(folder, "cache"), ZIG_LOCAL_CACHE_DIR: join(folder, "cache") };
  return { program: [zig, "c++", "-target", ZIG_TARGET], version: `zig ${found.version}`, env };
}

/**
 * Compiles tfjs-node's binding, as its package has it, in the folder of an installation, against the library there.
 * Throws UserError with the compiler's last words.
 */
export async function compileBinding(folder: string, { program, version, env = {} }: Compiler): Promise<void> {
  const made = temporaryPath(join(folder, ADDON));
  const binding = join(folder, "tfjs-node", "binding");
  const library = join(folder, "tensorflow");
  const args = [
    ...["-std=c++17", "-O2", "-fPIC", "-shared", `-DNAPI_VERSION=${NAPI_VERSION}`],
    ...["-I", join(folder, "node-api", "include"), "-I", join(library, "include")],
    ...[join(binding, "tfjs_backend.cc"), join(binding, "tfjs_binding.cc"), "-o", made],
    ...[join(library, "libtensorflow_cc.so.2"), join(library, "libtensorflow_framework.so.2")],
    "-Wl,-rpath,$ORIGIN/tensorflow",
  ];
  const { code, printed } = await runProgram(program, args, { cwd: folder, env });
  if (code !== 0 || !existsSync(made))
    throw new UserError(
      `tfjs-node's binding did not compile with ${version}: install g++ (apt install g++), or name another compiler in ` +
        `CXX; it printed:\n${lastLines(printed, 12)}`,
    );
  renameSync(made, join(folder, ADDON));
}
