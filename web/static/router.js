// Where the page is: `#/` the start, `#/d/ID/7` page 7 of a document. The browser's back, reload and links work by themselves.

const ID = /^[\w-]{1,64}$/;

/** { id, page } of an address; id "" at the start, page 0 where none is named. */
export function placeOf(hash) {
  const [, kind, id, page] = hash.split("/");
  if (kind !== "d" || !ID.test(id ?? "")) return { id: "", page: 0 };
  return { id, page: /^[1-9]\d{0,8}$/.test(page ?? "") ? Number(page) : 0 };
}

/** The address of a document, or of one of its pages. */
export const addressOf = (id, page = 0) => (page ? `#/d/${id}/${page}` : `#/d/${id}`);

/** Turns a page without a step in the history for each. */
export const turnTo = (id, page) => history.replaceState(null, "", addressOf(id, page));
