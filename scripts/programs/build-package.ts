// Builds what `npm pack` packs into dist/: the rooms compiled, with their declarations, the kernels beside them as the
// sources have them beside theirs, and the Worker's configuration. The kernels must be built already
// (scripts/build-kernel.ts).
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = new URL("../../", import.meta.url);
const path = (name: string): string => fileURLToPath(new URL(name, root));

const KERNELS = [
  ...["kernel.relaxed", "kernel.simd", "kernel.scalar", "gemm.relaxed", "gemm.simd"],
  ...["train.relaxed", "train.simd", "train.scalar"],
];

/** Compiles the rooms that end in the package's entries and in the command line, and all that they import. */
function compile(): void {
  execFileSync(process.execPath, [path("node_modules/typescript/bin/tsc"), "-b", "package", "cli"], {
    cwd: path("."),
    stdio: ["ignore", "inherit", "inherit"],
  });
}

/** The compiler leaves what it once made of sources that are gone. */
function removeStale(): void {
  for (const file of globSync("dist/**/*.{js,d.ts}", { cwd: root })) {
    const source = file.replace(/^dist[\\/]/, "").replace(/(\.d\.ts|\.js)$/, ".ts");
    if (!existsSync(path(source))) rmSync(path(file));
  }
}

function copyKernels(): void {
  mkdirSync(path("dist/build"), { recursive: true });
  for (const name of KERNELS) copyFileSync(path(`build/${name}.wasm`), path(`dist/build/${name}.wasm`));
}

/** The part of wrangler.toml that builds the kernels, with its comment: a package has them, and not their sources. */
const BUILD = /(?:^#.*\n)*^\[build\]\n(?:.+\n)*\n/m;

/** wrangler.toml for the compiled Worker: the same but for the name of its main file and for BUILD. */
function writeWorkerConfig(): void {
  const source = 'main = "worker/index.ts"';
  const text = readFileSync(path("wrangler.toml"), "utf8");
  if (!text.includes(source)) throw new Error(`wrangler.toml: got no line ${source}`);
  if (!BUILD.test(text)) throw new Error("wrangler.toml: got no table [build]");
  writeFileSync(path("dist/wrangler.toml"), text.replace(source, 'main = "worker/index.js"').replace(BUILD, ""));
}

compile();
removeStale();
copyKernels();
writeWorkerConfig();
