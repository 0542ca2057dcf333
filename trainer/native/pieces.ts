import type { Build } from "./installs.ts";
import type { Taken } from "./unpack.ts";

// What an installation is made of, to the byte: the files of two registries that are fetched, and what is taken out of
// them. The index's names and versions may change hands; the hashes may not.

/** One file of a registry. */
export interface Piece {
  registry: "pypi" | "npm";
  name: string;
  version: string;
  file: string;
  bytes: number;
  sha256: string;
  /** As its package states it. */
  licence: string;
  /** The folder of an installation that it becomes. */
  target: string;
  /** The members that are taken, and what their paths lose; one that lies elsewhere keeps its name alone. */
  take: Taken;
  /** Bytes of what is taken. */
  unpacked: number;
}

const TENSORFLOW_MEMBERS = new RegExp(
  "^tensorflow/(libtensorflow_(cc|framework)\\.so\\.2|THIRD_PARTY_NOTICES\\.txt|include/(" +
    [
      "LICENSE",
      "tensorflow/c/(c_api|c_api_macros|tf_attrtype|tf_buffer|tf_datatype|tf_status|tf_tensor|tf_tstring)\\.h",
      "tensorflow/c/eager/c_api\\.h",
      "tensorflow/core/platform/ctstring(_internal)?\\.h",
      "tsl/platform/ctstring(_internal)?\\.h",
      "xla/tsl/c/tsl_status\\.h",
    ].join("|") +
    "))$",
);

function tensorflow(piece: Pick<Piece, "name" | "file" | "bytes" | "sha256" | "unpacked">): Piece {
  const what = { version: "2.20.0", licence: "Apache-2.0", target: "tensorflow" };
  return { registry: "pypi", ...what, take: { members: TENSORFLOW_MEMBERS, strip: "tensorflow/" }, ...piece };
}

/** A wheel of NVIDIA's, in the version that TensorFlow 2.20.0 was built with: the lowest that its [and-cuda] takes. */
function nvidia(library: string, piece: Pick<Piece, "version" | "bytes" | "sha256" | "unpacked">): Piece {
  const name = `nvidia-${library.replace("_", "-")}-cu12`;
  const file = `${name.replaceAll("-", "_")}-${piece.version}-py3-none-manylinux2014_x86_64.whl`;
  const prefix = `nvidia/${library}`;
  const members = new RegExp(`^(${prefix}/lib/.*\\.so\\.\\d+|.*\\.dist-info/License\\.txt)$`);
  const take = { members, strip: `${prefix}/` };
  return { registry: "pypi", name, file, licence: "NVIDIA Proprietary Software", target: prefix, take, ...piece };
}

function npm(
  name: string,
  piece: Pick<Piece, "version" | "bytes" | "sha256" | "licence" | "target" | "unpacked">,
): Piece {
  const file = `${name.replace("@", "").replace("/", "-")}-${piece.version}.tgz`;
  const members = /^package\/(package\.json|LICENSE|binding\/.*|dist\/(?!.*_test\.js$).*\.js|include\/.*\.h)$/;
  return { registry: "npm", name, file, take: { members, strip: "package/" }, ...piece };
}

const TENSORFLOW: Record<Build, Piece> = {
  cpu: tensorflow({
    name: "tensorflow-cpu",
    file: "tensorflow_cpu-2.20.0-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    bytes: 258_989_246,
    sha256: "c7a9224185818094ed95c4e114d3efe77241db35fbf0b75251fb2bf6222dd6a7",
    unpacked: 780_100_000,
  }),
  gpu: tensorflow({
    name: "tensorflow",
    file: "tensorflow-2.20.0-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    bytes: 620_682_547,
    sha256: "25265b0bc527e0d54b1e9cc60c44a24f44a809fe27666b905f0466471f9c52ec",
    unpacked: 1_273_600_000,
  }),
};

const NPM: readonly Piece[] = [
  npm("@tensorflow/tfjs-node", {
    version: "4.22.0",
    bytes: 228_166,
    sha256: "d38a448a705efc6e655a080f896b3af646ae39dffbfe9c90b06cb9fc3a2b9358",
    licence: "Apache-2.0",
    target: "tfjs-node",
    unpacked: 2_000_000,
  }),
  npm("node-api-headers", {
    version: "1.9.0",
    bytes: 16_974,
    sha256: "6cbfac49542194ae2c8f1dee5fa2dc00d66bec9cbf3b59e3a4e5f16d14eb0d19",
    licence: "MIT",
    target: "node-api",
    unpacked: 100_000,
  }),
];

/** What TensorFlow opens to use a GPU; nvjitlink is what cuSOLVER and cuSPARSE open. */
const CUDA: readonly Piece[] = [
  nvidia("cuda_runtime", {
    version: "12.5.82",
    bytes: 895_707,
    sha256: "3e79a060e126df40fd3a068f3f787eb000fa51b251ec6cd97d09579632687115",
    unpacked: 712_032,
  }),
  nvidia("cublas", {
    version: "12.5.3.2",
    bytes: 363_313_169,
    sha256: "ca070ad70e9fa6654084575d01bd001f30cc4665e33d4bb9fc8e0f321caa034b",
    unpacked: 551_706_504,
  }),
  nvidia("cufft", {
    version: "11.2.3.61",
    bytes: 192_524_114,
    sha256: "9a6e8df162585750f61983a638104a48c756aa13f9f48e19ab079b38e3c828b8",
    unpacked: 278_929_256,
  }),
  nvidia("cusolver", {
    version: "11.6.3.83",
    bytes: 130_341_232,
    sha256: "93cfafacde4428b71778eeb092ec615a02a3d05404da1bcf91c53e3fa1bce42b",
    unpacked: 218_141_696,
  }),
  nvidia("cusparse", {
    version: "12.5.1.3",
    bytes: 217_558_979,
    sha256: "016df8e993c437e8301e62739f01775cba988fd5253cd4c64173f8e8d2f8e752",
    unpacked: 295_715_544,
  }),
  nvidia("nvjitlink", {
    version: "12.5.82",
    bytes: 21_298_879,
    sha256: "f9b37bc5c8cf7509665cb6ada5aaa0ce65618f2332b7d3e78e9790511f111212",
    unpacked: 54_560_656,
  }),
  nvidia("cudnn", {
    version: "9.3.0.75",
    bytes: 577_163_502,
    sha256: "9ad9c6929ebb5295eb4a1728024666d1c88283373e265a0c5c883e6f9d5cd76d",
    unpacked: 885_338_960,
  }),
];

/** A compiler, for a machine that has none. It is no part of an installation. */
export const ZIG: Piece = {
  registry: "pypi",
  name: "ziglang",
  version: "0.13.0",
  file: "ziglang-0.13.0-py3-none-manylinux_2_12_x86_64.manylinux2010_x86_64.musllinux_1_1_x86_64.whl",
  bytes: 80_896_325,
  sha256: "3ce0c9f16547e5d61b32e0d226926e9a2552ef4b91fccf7ab5ea1a623a77824b",
  licence: "MIT",
  target: "zig",
  take: { members: /^ziglang\/(zig|LICENSE|lib\/.*[^/])$/, strip: "ziglang/" },
  unpacked: 500_000_000, // with what it builds of its C++ library
};

/** The pieces of a build, the smallest first: what is wrong with a registry shows soon. */
export function piecesOf(build: Build): readonly Piece[] {
  return [...NPM, ...(build === "gpu" ? CUDA : []), TENSORFLOW[build]];
}
