// A document as this page knows it: how it stands, and how each of its pages does. It asks for states only, and only for pages that
// are not final; texts are asked for when they are looked at.

import { askJson } from "./api.js";
import { answered, service } from "./service.js";

const FIRST_LISTING = 500;
const LATER_LISTING = 100;
const PACE_WINDOW = 60; // seconds

export const isFinal = (page) => page.status === "completed" || page.status === "failed";

/** Whether a person should look at a page that was read. */
export const isDoubtful = (page) => page.status === "completed" && Boolean(page.verdict) && page.verdict !== "ok";

/** "pending", "processing", "completed", "doubtful" or "failed". */
export const kindOf = (page) => (isDoubtful(page) ? "doubtful" : page.status);

export class DocumentModel {
  constructor(id) {
    Object.assign(this, { id, task: null, pages: [], byNumber: new Map(), isDocument: null });
    this.unshown = new Set(); // numbers of pages that changed, until they are returned: a look may fail halfway
    this.samples = []; // [time in seconds, pages done]
  }

  /** Asks how things stand. Returns the pages that changed, and whether it is another set of pages than before. Raises `Problem`. */
  async refresh() {
    const before = this.task;
    const task = await answered(askJson(`ocr/${this.id}?text=false&details=true`));
    this.task = task;
    const isDocument = Boolean(task.pages?.total);
    const isNew = isDocument !== this.isDocument || (!isDocument && this.pages[0].page !== this.alone().page);
    if (isNew) this.replacePages(isDocument ? await this.allPages() : [this.alone()]);
    else if (isDocument) await this.refreshPages();
    else this.putPages([this.alone()]);
    this.isDocument = isDocument; // only now: what failed halfway is a new set at the next look too
    this.sample();
    const changed = [...this.unshown];
    this.unshown.clear();
    return { changed, isNew, moved: JSON.stringify(before?.pages ?? before?.status) !== JSON.stringify(task.pages ?? task.status) };
  }

  /** A task that is one page, as a page. Of which number it is, where one page of a document was asked for, its result says first. */
  alone() {
    const { status, code, error, details = {} } = this.task;
    const { page = 1, verdict, width, height, seconds, source } = details;
    return { page, task_id: this.id, status, code, error, verdict, width, height, seconds, source };
  }

  async allPages() {
    const pages = [];
    for (let after = 0; after !== undefined; ) {
      const found = await this.listing(after, FIRST_LISTING);
      pages.push(...found.pages);
      after = found.next_after ?? undefined;
    }
    return pages;
  }

  async refreshPages() {
    const first = this.pages.find((page) => !isFinal(page));
    if (!first) return;
    const known = this.unshown.size;
    for (let after = first.page - 1; after !== undefined && this.doneHere() < this.done(); ) {
      const found = await this.listing(after, LATER_LISTING);
      this.putPages(found.pages);
      after = found.next_after ?? undefined;
    }
    // which pages are being read changes without any being done
    if (this.unshown.size === known) this.putPages((await this.listing(first.page - 1, LATER_LISTING)).pages);
  }

  listing(after, limit) {
    return answered(askJson(`ocr/${this.id}/pages?after=${after}&limit=${limit}`));
  }

  replacePages(pages) {
    this.pages = [];
    this.byNumber = new Map();
    this.putPages(pages);
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

  /** The counts of the service: of a document its own, of a single page those of one. */
  get counts() {
    if (this.isDocument) return this.task.pages;
    const one = (status) => Number(this.task?.status === status);
    return { total: 1, completed: one("completed"), failed: one("failed"), processing: one("processing"), pending: one("pending") };
  }

  done() {
    return this.counts.completed + this.counts.failed;
  }

  doneHere() {
    return this.pages.filter(isFinal).length;
  }

  get final() {
    return isFinal(this.task);
  }

  /** Pages that failed or are doubtful. */
  get problems() {
    return this.pages.filter((page) => page.status === "failed" || isDoubtful(page));
  }

  sample() {
    const now = Date.now() / 1000;
    if (this.samples.at(-1)?.[1] !== this.done()) this.samples.push([now, this.done()]);
    while (this.samples.length > 2 && now - this.samples[0][0] > PACE_WINDOW) this.samples.shift();
  }

  /** Seconds until all is read, by the pace of the last minute; null where too little was seen of it. */
  get secondsLeft() {
    const [first, last] = [this.samples[0], this.samples.at(-1)];
    const open = this.counts.total - this.done();
    if (!open || this.samples.length < 3 || last[0] - first[0] < 1) return null;
    return Math.max(1, (open * (last[0] - first[0])) / (last[1] - first[1]) - (Date.now() / 1000 - last[0]));
  }

  /** Seconds for which the result is kept, or null while it is not final. */
  get secondsKept() {
    if (!this.task || !this.final) return null;
    const end = this.task.expires_at ?? this.task.updated_at + (service.index?.limits.result_ttl ?? 0);
    return Math.max(0, end - Date.now() / 1000);
  }
}
