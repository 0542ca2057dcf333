require("./start.js").start(__filename);
