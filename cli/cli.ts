// The command, for whoever starts this file by hand. A Node that cannot read TypeScript refuses a .ts file of an
// ES module before it reads a line of it; so this folder is CommonJS, and commands/, where the program is, is not.
require("./bin.js");
