import { tmpdir } from "node:os";
import { join } from "node:path";

// Runs before each file of the tests in Node. An installation that the user of this machine has must not change what
// the tests run on; they use it where DEEPFM_EDGE_BACKEND asks for one of its backends.

if (!process.env.DEEPFM_EDGE_BACKEND) process.env.DEEPFM_EDGE_NATIVE = join(tmpdir(), "deepfm-edge-not-installed");
