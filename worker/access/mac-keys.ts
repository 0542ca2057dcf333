import { FormatError } from "../../format/errors.ts";
import { type MacKeys, readMacKeys } from "../../format/mac.ts";
import { SettingError } from "../http/errors.ts";

interface Secrets {
  secrets: string;
}

const ofSettings = new WeakMap<Secrets, MacKeys>();

/** The keys that sign request ids and cookies, which are made once. Throws SettingError, which never quotes them. */
export function macKeysOf(settings: Secrets): MacKeys {
  const known = ofSettings.get(settings);
  if (known) return known;
  try {
    const keys = readMacKeys(settings.secrets, "EXPERIMENT_SECRETS");
    ofSettings.set(settings, keys);
    return keys;
  } catch (error) {
    if (error instanceof FormatError) throw new SettingError(error.message);
    throw error;
  }
}
