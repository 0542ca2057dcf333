import { copyFileSync, linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Install } from "../../trainer/native/installs.ts";
import { lastLines, runProgram } from "../../trainer/native/programs.ts";

// TensorFlow's loader of CUDA's libraries, asked without a GPU: whether the GPU's build opens all seven from the
// folders beside it. A build that misses one computes on the CPU, with a warning alone.

/** What the loader opens: the folder of each library, and its soname. */
const LIBRARIES: readonly (readonly [string, string])[] = [
  ["cuda_runtime", "libcudart.so.12"],
  ["cublas", "libcublas.so.12"],
  ["cublas", "libcublasLt.so.12"],
  ["cufft", "libcufft.so.11"],
  ["cusolver", "libcusolver.so.11"],
  ["cusparse", "libcusparse.so.12"],
  ["cudnn", "libcudnn.so.9"],
];

/**
 * tsl::internal::DsoLoader::TryDlopenCUDALibraries() by its mangled name. It returns an absl::Status through a pointer:
 * the word 1 is OK.
 */
const PROGRAM = `
  extern void _ZN3tsl8internal9DsoLoader22TryDlopenCUDALibrariesEv(void **);
  int main(void) {
    void *status = 0;
    _ZN3tsl8internal9DsoLoader22TryDlopenCUDALibrariesEv(&status);
    return status == (void *)1 ? 0 : 1;
  }`;

export interface LoaderResult {
  /** Whether the loader opens empty libraries with the seven names. */
  stubs: boolean;
  /** Whether it notices that one is not there. */
  notices: boolean;
  /** Whether it opens NVIDIA's own. */
  own: boolean;
  /** What TensorFlow printed where something is not as it should be. */
  log: string;
}

/** Asks the loader of an installation of the GPU's build. It needs g++. */
export async function askLoader({ folder }: Install): Promise<LoaderResult> {
  const place = mkdtempSync(join(dirname(folder), "loader-"));
  try {
    const library = "libtensorflow_framework.so.2";
    mkdirSync(join(place, "tensorflow"));
    // The loader looks beside its own file, so that a symbolic link does not do.
    link(join(folder, "tensorflow", library), join(place, "tensorflow", library));
    const empty = join(place, "empty.c");
    writeFileSync(empty, "");
    for (const [name, soname] of LIBRARIES) {
      const lib = join(place, "nvidia", name, "lib");
      mkdirSync(lib, { recursive: true });
      await compile(["-shared", "-fPIC", `-Wl,-soname,${soname}`, empty, "-o", join(lib, soname)]);
    }
    const asked = await ask(place, place);
    const [missing, soname] = LIBRARIES[4] as readonly [string, string];
    rmSync(join(place, "nvidia", missing, "lib", soname));
    const without = await ask(place, place);
    const own = await ask(folder, place);
    const log = [asked, own].filter(({ opened }) => !opened).map(({ printed }) => printed);
    return { stubs: asked.opened, notices: !without.opened, own: own.opened, log: log.join("\n") };
  } finally {
    rmSync(place, { recursive: true });
  }
}

/** Builds the program against the library in `folder`, and runs it. */
async function ask(folder: string, place: string): Promise<{ opened: boolean; printed: string }> {
  const source = join(place, "ask.c");
  const program = join(place, "ask");
  writeFileSync(source, PROGRAM);
  const library = join(folder, "tensorflow", "libtensorflow_framework.so.2");
  await compile([source, library, `-Wl,-rpath,${dirname(library)}`, "-o", program]);
  const { code, printed } = await runProgram([program], [], { cwd: tmpdir() });
  return { opened: code === 0, printed: lastLines(printed) };
}

async function compile(args: readonly string[]): Promise<void> {
  const { code, printed } = await runProgram(
    ["g++"],
    [
      "-x",
      "c",
      ...args.filter((arg) => arg.endsWith(".c")),
      "-x",
      "none",
      ...args.filter((arg) => !arg.endsWith(".c")),
    ],
  );
  if (code !== 0) throw new Error(`g++ ${args.join(" ")}: ${lastLines(printed)}`);
}

function link(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}
