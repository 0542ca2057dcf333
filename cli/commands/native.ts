import { existsSync } from "node:fs";
import type { Command } from "commander";
import { UserError } from "../../trainer/errors.ts";
import { install, planInstall, removeInstall, removeLeftOvers } from "../../trainer/native/install.ts";
import {
  BUILDS,
  type Build,
  damageOf,
  type Install,
  installFolder,
  nativeRoot,
  partFolder,
  readInstall,
  renewal,
  TENSORFLOW_VERSION,
} from "../../trainer/native/installs.ts";
import { gigabytes, machineLines } from "../../trainer/native/machine.ts";
import { testInstall } from "../../trainer/native/self-test.ts";
import { table } from "../../trainer/terminal/table.ts";
import { askToGoOn } from "./ask.ts";

interface BuildFlag {
  gpu?: boolean;
}

interface InstallFlags extends BuildFlag {
  yes?: boolean;
  device: boolean;
}

const GPU_HELP = "the build for NVIDIA's GPUs, of the backend tfjs-node-gpu (default: the CPU's, of tfjs-node)";

export function defineNative(command: Command): void {
  command
    .command("install")
    .description(
      "Fetch TensorFlow from PyPI, compile tfjs-node's binding, test both and keep them outside node_modules " +
        "(in DEEPFM_EDGE_NATIVE, or the user's cache folder).",
    )
    .option("--gpu", GPU_HELP)
    .option("--yes", "do not ask before the download")
    .option("--no-device", "with --gpu: test it on the CPU, as where an image for another machine is made")
    .action(installBuild);
  command
    .command("status")
    .description("Show what is installed, where, and whether it is whole; exit code 1 where something is damaged.")
    .action(showStatus);
  command
    .command("remove")
    .description("Remove what is installed, and what a killed installation has left.")
    .option("--gpu", GPU_HELP)
    .action((flags: BuildFlag) => {
      const build = buildOf(flags);
      const there = removeInstall(build);
      console.log(`${installFolder(build)}: ${there ? "removed" : "there was nothing"}`);
    });
  command
    .command("test")
    .description(
      "Test what is installed with products, gradients and the trainer's models, and print a report to attach to an " +
        "issue; exit code 1 where a check fails.",
    )
    .option("--gpu", "on the GPU (default: on the CPU)")
    .action(testBuild);
}

function buildOf({ gpu }: BuildFlag): Build {
  return gpu ? "gpu" : "cpu";
}

async function installBuild(flags: InstallFlags): Promise<void> {
  const build = buildOf(flags);
  const there = readInstall(installFolder(build));
  if (there !== null) {
    const [damage] = damageOf(there);
    if (damage !== undefined) throw new UserError(`${damage}: ${renewal(build)}`);
    removeLeftOvers(build);
    const gpu = flags.gpu ? " --gpu" : "";
    console.log(`${there.folder}: is there already; to test it: npx deepfm-edge native test${gpu}`);
    return;
  }
  const plan = await planInstall(build, !flags.device);
  const rows = plan.pieces.map(({ name, version, registry, bytes, licence }) => [
    ...[name, version, registry === "pypi" ? "PyPI" : "npm", licence],
    gigabytes(bytes),
  ]);
  console.log(table(["package", "version", "from", "licence", "download"], rows));
  const compiler = plan.compiler?.version ?? "ziglang's, as this machine has none";
  console.log(
    `download ${gigabytes(plan.bytes)}; disk ${gigabytes(plan.room)} at most; compiler ${compiler}; into ${plan.folder}`,
  );
  if (!flags.yes) {
    if (process.stdin.isTTY !== true || process.stderr.isTTY !== true)
      throw new UserError(
        "got no terminal to ask in, expected --yes: it agrees to the download and the licences above",
      );
    if (!(await askToGoOn("Download these under their licences?"))) {
      console.log("nothing was installed");
      return;
    }
  }
  const { folder } = await install(plan);
  const backend = build === "gpu" ? "tfjs-node-gpu" : "tfjs-node";
  console.log(`${folder}: TensorFlow ${TENSORFLOW_VERSION} is installed; to train on it: --backend ${backend}`);
}

function showStatus(): void {
  console.log(`folder ${nativeRoot()}`);
  for (const build of BUILDS) {
    const install = shownInstall(build);
    if (install === undefined) continue;
    if (install === null) {
      const left = existsSync(partFolder(build)) ? "; an installation was begun, and the next one goes on with it" : "";
      console.log(`${build}: not installed${left}`);
      continue;
    }
    const { tensorflow, tfjsNode, compiler, files } = install;
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    console.log(`${build}: TensorFlow ${tensorflow}, tfjs-node ${tfjsNode}, ${gigabytes(bytes)}, by ${compiler}`);
    const damage = damageOf(install);
    for (const line of damage) console.log(`  ${line}`);
    if (damage.length === 0) continue;
    console.log(`  ${renewal(build)}`);
    process.exitCode = 1;
  }
}

/** An installation; null where there is none, and undefined where it is damaged, which is shown. */
function shownInstall(build: Build): Install | null | undefined {
  try {
    return readInstall(installFolder(build));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.log(`${build}: ${error.message}`);
    process.exitCode = 1;
    return undefined;
  }
}

async function testBuild(flags: BuildFlag): Promise<void> {
  const device = buildOf(flags);
  const builds: readonly Build[] = device === "gpu" ? ["gpu"] : BUILDS;
  const install = builds.map((build) => readInstall(installFolder(build))).find((found) => found !== null);
  if (!install)
    throw new UserError(
      `${nativeRoot()}: got no installation, expected one: npx deepfm-edge native install${flags.gpu ? " --gpu" : ""}`,
    );
  console.log(`deepfm-edge native test${flags.gpu ? " --gpu" : ""}, ${new Date().toISOString()}`);
  for (const line of await machineLines(install.build)) console.log(line);
  const { tensorflow, tfjsNode, compiler, folder } = install;
  console.log(`TensorFlow  ${tensorflow}, ${install.build} build, tfjs-node ${tfjsNode}, by ${compiler}`);
  console.log(`folder      ${folder}\n`);
  const { checks, log, passed } = await testInstall(nativeRoot(), device, "all", ({ name, passed: ok, figure }) =>
    console.log(`${ok ? "passed" : "FAILED"}  ${name.padEnd(10)} ${figure}`),
  );
  console.log(`\nTensorFlow printed:\n${log.trim()}\n`);
  const failed = checks.filter((check) => !check.passed).map(({ name }) => name);
  console.log(passed ? `all ${checks.length} checks passed` : `failed: ${failed.join(", ")}`);
  if (!passed) process.exitCode = 1;
}
