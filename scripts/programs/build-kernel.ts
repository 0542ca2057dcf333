// Builds the kernels, if that is needed, and prints their sizes.
import { buildKernels } from "./kernels.ts";

console.table(await buildKernels());
