// A document. It asks for the states of pages that are not final; texts are asked for when they are looked at.

import { ask, askJson, service } from "./api.js";

const FIRST_LISTING = 500;
const LATER_LISTING = 100;
const PACE_WINDOW = 60; // seconds
const MOST_KEPT = 40;
const kept = new Map(); // the texts of a few pages; a page that is done never changes

const askText = (path) => ask(path, (answer) => answer.text());

const now = () => Date.now() / 1000;

const isFinal = ({ status }) => status === "completed" || status === "failed";

/** Its status, or "doubtful" where a person should look at a page that was read. */
export const kindOf = ({ status, verdict = "ok" }) => (status === "completed" && (verdict ?? "ok") !== "ok" ? "doubtful" : status);

export class DocumentModel {
  constructor(id) {
    Object.assign(this, { id, task: null, pages: [], byNumber: new Map(), isDocument: null });
    this.unshown = new Set(); // numbers of pages that changed, until they are returned: a look may fail halfway
    this.samples = []; // [time in seconds, pages done]
  }

  /** The pages that changed, and whether it is another set of pages than before. */
  async refresh() {
    const before = this.task;
    const task = (this.task = await askJson(`ocr/${this.id}?text=false&details=true`));
    const isDocument = Boolean(task.pages?.total);
    const isNew = isDocument !== this.isDocument || (!isDocument && this.pages[0].page !== this.alone().page);
    if (isNew) {
      const pages = [];
      for await (const some of isDocument ? this.listings(0, FIRST_LISTING) : [[this.alone()]]) pages.push(...some);
      this.pages = [];
      this.byNumber.clear();
      this.putPages(pages);
    } else if (isDocument) await this.refreshPages();
    else this.putPages([this.alone()]);
    this.isDocument = isDocument; // only now: what failed halfway is a new set at the next look too
    this.sample();
    const changed = [...this.unshown];
    this.unshown.clear();
    return { changed, isNew, moved: JSON.stringify(before?.pages ?? before?.status) !== JSON.stringify(task.pages ?? task.status) };
  }

  /** A task that is one page. Of which number it is, its result says first. */
  alone() {
    const { status, code, error, details = {} } = this.task;
    return { page: 1, ...details, task_id: this.id, status, code, error };
  }

  /** Once even where none is done: which are being read changes too. */
  async refreshPages() {
    const first = this.pages.find((page) => !isFinal(page));
    if (!first) return;
    for await (const some of this.listings(first.page - 1, LATER_LISTING)) {
      this.putPages(some);
      if (this.pages.filter(isFinal).length >= this.done) return;
    }
  }

  async *listings(after, limit) {
    while (after !== null) {
      const { pages, next_after: next } = await askJson(`ocr/${this.id}/pages?after=${after}&limit=${limit}`);
      yield pages;
      after = next ?? null;
    }
  }

  putPages(pages) {
    for (const page of pages) {
      const known = this.byNumber.get(page.page);
      if (known && known.status === page.status && known.verdict === page.verdict) continue;
      if (known) Object.assign(known, page);
      else this.pages.push(page);
      this.byNumber.set(page.page, known ?? page);
      this.unshown.add(page.page);
    }
  }

  get counts() {
    if (this.isDocument) return this.task.pages;
    const one = (status) => Number(this.task.status === status);
    return { total: 1, completed: one("completed"), failed: one("failed") };
  }

  get done() {
    return this.counts.completed + this.counts.failed;
  }

  get final() {
    return isFinal(this.task);
  }

  get problems() {
    return this.pages.filter((page) => /failed|doubtful/.test(kindOf(page))).length;
  }

  sample() {
    if (this.samples.at(-1)?.[1] !== this.done) this.samples.push([now(), this.done]);
    while (this.samples.length > 2 && now() - this.samples[0][0] > PACE_WINDOW) this.samples.shift();
  }

  /** By the pace of the last minute; null where too little was seen of it. */
  get secondsLeft() {
    const [[began, before], [last, done]] = [this.samples[0], this.samples.at(-1)];
    const open = this.counts.total - this.done;
    if (!open || this.samples.length < 3 || last - began < 1) return null;
    return Math.max(1, (open * (last - began)) / (done - before) - (now() - last));
  }

  get secondsKept() {
    const end = this.task.expires_at ?? this.task.updated_at + (service.index?.limits.result_ttl ?? 0);
    return Math.max(0, end - now());
  }
}

function once(key, load) {
  const found = kept.get(key) ?? load();
  kept.delete(key);
  kept.set(key, found); // the latest last
  if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value);
  found.catch(() => kept.delete(key));
  return found;
}

export function pageBlocks(id) {
  const rendered = service.index?.formats.includes("html") ? "&render=html" : "";
  const load = async () => ({ blocks: [], ...(await askJson(`ocr/${id}/result?format=json${rendered}`, { short: false })).pages[0] });
  return once(id, load);
}

export async function pageText(id, format) {
  if (format !== "json") return once(`${id} ${format}`, () => askText(`ocr/${id}/result?format=${format}`));
  const { blocks, ...page } = await pageBlocks(id);
  const shown = blocks.map(({ label, boxes, text }) => ({ label, boxes, text }));
  const box = /\[\s+(-?[\d.]+),\s+(-?[\d.]+),\s+(-?[\d.]+),\s+(-?[\d.]+)\s+\]/g;
  return JSON.stringify({ ...page, blocks: shown }, null, 2).replace(box, "[$1, $2, $3, $4]");
}

export const wholeText = (id) => askText(`ocr/${id}/result?format=text&partial=true`);
