// The texts of pages as they are looked at, in the forms that the text view has. A few are kept; a page that is done never changes.

import { askJson, askText } from "./api.js";
import { answered, hasFormat } from "./service.js";

const MOST_KEPT = 40;
const kept = new Map();

async function once(key, load) {
  if (!kept.has(key)) kept.set(key, load());
  const found = kept.get(key);
  kept.delete(key);
  kept.set(key, found); // the latest last
  if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value);
  try {
    return await found;
  } catch (error) {
    kept.delete(key);
    throw error;
  }
}

/** The page with its blocks: { width, height, verdict, source, blocks: [{ label, boxes, text, html }] }. */
export function pageBlocks(taskId) {
  return once(`blocks ${taskId}`, async () => {
    const rendered = hasFormat("html") ? "&render=html" : "";
    const result = await answered(askJson(`ocr/${taskId}/result?format=json${rendered}`, { short: false }));
    return { blocks: [], ...result.pages[0] };
  });
}

/** The page as text in one of the service's formats. */
export function pageText(taskId, format) {
  return once(`${format} ${taskId}`, () => answered(askText(`ocr/${taskId}/result?format=${format}`)));
}

/** The whole as text. */
export const wholeText = (id) => answered(askText(`ocr/${id}/result?format=text&partial=true`));

/** The page's blocks as JSON that people can read: a box on one line. */
export async function pageJson(taskId) {
  const { blocks, ...page } = await pageBlocks(taskId);
  const shown = blocks.map(({ label, boxes, text }) => ({ label, boxes, text }));
  return JSON.stringify({ ...page, blocks: shown }, null, 2).replace(/\[\s+(-?[\d.]+),\s+(-?[\d.]+),\s+(-?[\d.]+),\s+(-?[\d.]+)\s+\]/g, "[$1, $2, $3, $4]");
}
