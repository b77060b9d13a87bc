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
    Object.assign(this, { id, task: null, pages: [], byNumber: new Map(), isDocument: false });
    this.samples = []; // [time in seconds, pages done]
  }

  /** Asks how things stand. Returns the pages that changed, and whether it is another set of pages than before. Raises `Problem`. */
  async refresh() {
    const before = this.task;
    const task = await answered(askJson(`ocr/${this.id}?text=false&details=true`));
    this.task = task;
    const isDocument = Boolean(task.pages?.total);
    const isNew = before === null || isDocument !== this.isDocument;
    this.isDocument = isDocument;
    const changed = isDocument ? await this.refreshPages(isNew) : this.setPages([this.alone()]);
    this.sample();
    return { changed, isNew, moved: JSON.stringify(before?.pages ?? before?.status) !== JSON.stringify(task.pages ?? task.status) };
  }

  /** A task that is one page, as a page. */
  alone() {
    const { status, code, error, details = {} } = this.task;
    const { page = 1, verdict, width, height, seconds, source } = details;
    return { page, task_id: this.id, status, code, error, verdict, width, height, seconds, source };
  }

  async refreshPages(isNew) {
    if (isNew) this.setPages([]);
    const changed = [];
    const first = this.pages.find((page) => !isFinal(page));
    let after = isNew ? 0 : (first?.page ?? 0) - 1;
    while (isNew ? after !== undefined : after >= 0 && this.doneHere() < this.done()) {
      const found = await answered(askJson(`ocr/${this.id}/pages?after=${after}&limit=${isNew ? FIRST_LISTING : LATER_LISTING}`));
      changed.push(...this.putPages(found.pages));
      after = found.next_after ?? (isNew ? undefined : -1);
    }
    if (!isNew && first && !changed.length) changed.push(...(await this.lookAtOpen(first.page - 1)));
    return changed;
  }

  /** Which pages are being read changes without any being done. */
  async lookAtOpen(after) {
    const found = await answered(askJson(`ocr/${this.id}/pages?after=${after}&limit=${LATER_LISTING}`));
    return this.putPages(found.pages);
  }

  setPages(pages) {
    if (pages.length !== this.pages.length || pages[0]?.page !== this.pages[0]?.page) {
      this.pages = [];
      this.byNumber = new Map();
    }
    return this.putPages(pages);
  }

  putPages(pages) {
    const changed = [];
    for (const page of pages) {
      const known = this.byNumber.get(page.page);
      if (known && known.status === page.status && known.verdict === page.verdict) continue;
      if (known) Object.assign(known, page);
      else this.pages.push(page);
      this.byNumber.set(page.page, known ?? page);
      changed.push(page.page);
    }
    return changed;
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
