import { existsSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join, resolve } from "node:path";
import * as v from "valibot";
import { FormatError } from "../../format/errors.ts";
import { UserError } from "../errors.ts";
import { readJson } from "../io/json-file.ts";

// Where TensorFlow's own library is kept for the backends tfjs-node and tfjs-node-gpu, and what lies there:
//
//     cpu-2.20.0-linux-x64/          gpu-2.20.0-linux-x64/ likewise
//       install.json                 what it is, and its files
//       tfjs_binding.node            the addon, compiled of tfjs-node/binding; it finds tensorflow/ beside itself
//       tensorflow/                  of the wheel: the library in two files, the headers of its C interface, notices
//       nvidia/<library>/lib/        for the GPU, of NVIDIA's wheels: CUDA's libraries, where TensorFlow looks for them
//       tfjs-node/                   the npm package: the binding's sources, and the kernels in JavaScript
//       node-api/                    the npm package node-api-headers
//     cpu-2.20.0-linux-x64.part/     what an installation has so far

/** The two builds of TensorFlow's library. */
export const BUILDS = ["cpu", "gpu"] as const;
export type Build = (typeof BUILDS)[number];

export const TENSORFLOW_VERSION = "2.20.0";
export const TFJS_NODE_VERSION = "4.22.0";

/** The layout above. Another one is not taken for an installation. */
const LAYOUT = 1;

const MANIFEST = "install.json";
export const ADDON = "tfjs_binding.node";

const ManifestSchema = v.object({
  layout: v.literal(LAYOUT),
  build: v.picklist(BUILDS),
  tensorflow: v.string(),
  tfjsNode: v.string(),
  /** What compiled the addon. */
  compiler: v.string(),
  /** Every file but this one, by its path from the folder. */
  files: v.array(v.object({ path: v.string(), bytes: v.number() })),
});
export type Manifest = v.InferOutput<typeof ManifestSchema>;

export interface Install extends Manifest {
  folder: string;
}

/** The folder of all installations: outside node_modules, which `npm ci` makes anew. */
export function nativeRoot(env: NodeJS.ProcessEnv = process.env): string {
  // Clients and compilers run in folders of their own, where a relative path leads elsewhere.
  if (env.DEEPFM_EDGE_NATIVE) return resolve(env.DEEPFM_EDGE_NATIVE);
  return resolve(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "deepfm-edge", "native");
}

/** The folder of an installation; there is one where its manifest is there. */
export function installFolder(build: Build, root = nativeRoot()): string {
  return join(root, `${build}-${TENSORFLOW_VERSION}-linux-x64`);
}

/** What an installation has so far. */
export function partFolder(build: Build, root = nativeRoot()): string {
  return `${installFolder(build, root)}.part`;
}

export function manifestPath(folder: string): string {
  return join(folder, MANIFEST);
}

/** An installation's manifest, before there are files to name. */
export function newManifest(build: Build, compiler: string, files: Manifest["files"]): Manifest {
  const versions = { tensorflow: TENSORFLOW_VERSION, tfjsNode: TFJS_NODE_VERSION };
  return { layout: LAYOUT, build, ...versions, compiler, files };
}

/**
 * Reads an installation; null where there is none. Throws UserError, which says what to do, where its manifest is not
 * one.
 */
export function readInstall(folder: string): Install | null {
  const path = manifestPath(folder);
  if (!existsSync(path)) return null;
  try {
    return { folder, ...readJson(path, ManifestSchema) };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new UserError(`${error.message}: ${renewal(basename(folder).startsWith("gpu") ? "gpu" : "cpu")}`);
  }
}

/** What makes a damaged installation anew. */
export function renewal(build: Build): string {
  const gpu = build === "gpu" ? " --gpu" : "";
  return `npx deepfm-edge native remove${gpu}, and then native install${gpu}`;
}

/** What of an installation is gone or has another size, a line a file. */
export function damageOf({ folder, files }: Install): string[] {
  return files.flatMap(({ path, bytes }) => {
    const size = statSync(join(folder, path), { throwIfNoEntry: false })?.size;
    if (size === bytes) return [];
    return [`${join(folder, path)}: got ${size === undefined ? "no file" : `${size} bytes`}, expected ${bytes}`];
  });
}
