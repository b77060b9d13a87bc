// Reads a page again, as a document of its own, with the same options and without the page cache: from the file where this tab still
// has it, else from its address.

import { note } from "./announce.js";
import { recentEntry } from "./recent.js";
import { addressOf } from "./router.js";
import { sendAddresses, sendFiles, sentFile } from "./sending.js";
import { t } from "./words.js";

/** Sends the page and goes to it. */
export function readAgain(model, page) {
  const entry = recentEntry(model.id);
  const file = sentFile(model.id);
  const options = { ...entry?.options, cache: "false", ...(model.isDocument && { page_range: String(page.page) }) };
  const open = (id) => (location.hash = addressOf(id));
  if (file) sendFiles([file], options, open);
  else if (entry?.url) sendAddresses([entry.url], options, open);
  else return note(t("choose_again"));
  return note(t("read_again_sent"));
}
