import { type RegisterHooksOptions, registerHooks } from "node:module";

// TensorFlow.js as this project uses it: tfjs-core with the gradients and chained methods that the models need. The
// package @tensorflow/tfjs, which has all of them, brings 240 MB of layers, converters, WebGL and bundles.

export * from "@tensorflow/tfjs-core";
// Its methods' types.
export type * from "./tfjs-parts.ts";

const DIST = "@tensorflow/tfjs-core/dist/";

/**
 * tfjs-core's single files are ES modules that name each other without ".js", as bundlers take it and Node does not.
 */
const resolve: NonNullable<RegisterHooksOptions["resolve"]> = (specifier, context, next) => {
  const fromInside = specifier.startsWith(".") && context.parentURL?.includes(DIST);
  if (!fromInside && !specifier.includes(DIST)) return next(specifier, context);
  return { ...next(specifier.endsWith(".js") ? specifier : `${specifier}.js`, context), format: "module" };
};

const hooks = registerHooks({ resolve });
await import("./tfjs-parts.ts");
hooks.deregister();
