import { createApp } from "./app.ts";
import { bestKernelModule } from "./models/kernel-modules.ts";

export default createApp({ kernel: bestKernelModule(), now: Date.now });
