import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it, vi } from "vitest";
import { makeProgram } from "../../cli/commands/program.ts";
import { sealBlob, serialOf, verifyBlob } from "../../format/seal.ts";
import { readPublicKeys, readSigningKey } from "../../format/signature.ts";
import { PRIVATE_KEY, PUBLIC_KEY } from "../../testing/format/golden.ts";
import { loadExport, saveExport } from "../../trainer/export/export.ts";
import { saveGoldenExport } from "../deploy/golden-export.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-sign-"));
afterAll(() => rmSync(folder, { recursive: true }));

it("sign gives a serial number that is the time, and more than the one before where a clock goes back", async () => {
  const [path, key] = [join(folder, "export"), join(folder, "key.pem")];
  await saveGoldenExport(path, "pnn");
  writeFileSync(key, PRIVATE_KEY);
  const sign = async (): Promise<number> => {
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    await (await makeProgram()).parseAsync(["sign", path, "--key", key], { from: "user" });
    const printed = String(log.mock.calls[0]?.[0]);
    log.mockRestore();
    const { blob, version } = await loadExport(path);
    expect(await verifyBlob(blob, await readPublicKeys(PUBLIC_KEY, "keys"))).toBe(version);
    expect(printed).toContain(`with the serial number ${serialOf(blob)}`);
    return serialOf(blob);
  };
  const before = Date.now();
  const serial = await sign();
  expect(serial).toBeGreaterThanOrEqual(before);
  expect(serial).toBeLessThanOrEqual(Date.now());

  const ahead = serial + 3_600_000;
  const exported = await loadExport(path);
  const version = await sealBlob(exported.blob, { key: await readSigningKey(PRIVATE_KEY, "key"), serial: ahead });
  saveExport(path, { ...exported, version });
  expect(await sign()).toBe(ahead + 1);
});
