import type { FieldProfile } from "../../trainer/profile/field-profile.ts";
import { PROFILE_HEAD, profileRows, profileWarnings, UNSEEN_NOTE } from "../../trainer/profile/profile-table.ts";
import { escapeHtml, htmlTable, type Section } from "./page.ts";

/** What the log held in each field, and what a person should look at. */
export function fieldsSection(profile: readonly FieldProfile[]): Section {
  const warnings = profileWarnings(profile).map((warning) => `<li>${escapeHtml(warning)}</li>`);
  const list = warnings.length > 0 ? `<ul>${warnings.join("")}</ul>` : "";
  return {
    title: "Fields",
    html: `${htmlTable(PROFILE_HEAD, profileRows(profile), "What the training log held in each field")}<p class="note">${escapeHtml(UNSEEN_NOTE)}.</p>${list}`,
  };
}
