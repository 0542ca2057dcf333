/**
 * Makes WebAssembly.instantiate take a module that was deployed with the Worker, whatever bytes it is given: a Worker
 * may not compile bytes, and Emscripten's loaders, which both runtimes have, know no other way.
 */
export function instantiateDeployed(module: WebAssembly.Module): void {
  Object.assign(WebAssembly, {
    instantiate: async (_bytes: ArrayBuffer, imports: WebAssembly.Imports) => ({
      module,
      instance: new WebAssembly.Instance(module, imports),
    }),
  });
}
