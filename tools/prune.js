// Removes what packages bring and nothing here uses, after `npm ci`: 153 MB of 852. It is JavaScript that every Node
// reads, in the form of CommonJS.
const { existsSync, lstatSync, readdirSync, rmSync } = require("node:fs");
const { join } = require("node:path");

/** Folders below node_modules, by the package that has them. */
const UNUSED = [
  // The headers of Node, for compiling native modules: 67 MB. node-gyp fetches its own.
  { packages: /^node-(bin-)?(linux|darwin|win)-/, folder: "include" },
  // The command line of Binaryen: 81 MB. The AssemblyScript compiler calls its library.
  { packages: /^binaryen$/, folder: "bin" },
  // GrowthBook's SDK for pages that load it by a tag and for CommonJS, and its sources: 5 MB.
  { packages: /^@growthbook$/, folder: "growthbook/dist/cjs" },
  { packages: /^@growthbook$/, folder: "growthbook/dist/bundles" },
  { packages: /^@growthbook$/, folder: "growthbook/src" },
  // The messages of axe in other languages: 1 MB.
  { packages: /^axe-core$/, folder: "locales" },
];

/** Removes them from a node_modules folder, and the links in .bin that then lead nowhere. */
function prune(modules) {
  if (!existsSync(modules)) return;
  for (const name of readdirSync(modules))
    for (const { packages, folder } of UNUSED)
      if (packages.test(name)) rmSync(join(modules, name, folder), { recursive: true, force: true });
  const links = join(modules, ".bin");
  if (!existsSync(links)) return;
  for (const name of readdirSync(links)) {
    const link = join(links, name);
    if (lstatSync(link).isSymbolicLink() && !existsSync(link)) rmSync(link);
  }
}

module.exports = { prune };
if (require.main === module) prune(join(__dirname, "..", "node_modules"));
