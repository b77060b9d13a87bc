// Starts the page. The modules that only a document needs come once the start is drawn.

import { followService, learnService, noteAway, refreshStats } from "./api.js";
import { poll } from "./changes.js";
import { takeFromAnywhere } from "./intake.js";
import { listenToKeys } from "./keyboard.js";
import { drawMasthead, showState } from "./masthead.js";
import { applyTheme } from "./preferences.js";
import { placeOf } from "./recent.js";
import { wouldLose } from "./sending.js";
import { startView } from "./start_view.js";

const RELOADED_AFTER = 2000; // ms; twice as long each further time
const MOST_RELOADS = 5; // from then on not longer
const main = document.getElementById("main");
let view = null; // of a document
let shown = null; // the id of what is shown; "" at the start

function documentModule() {
  document.head.append(document.getElementById("later").content);
  return import("./document_view.js");
}

/** Browsers remember that a module could not be had: once the service is back, the page is loaded again. */
function reloadLater() {
  noteAway(true);
  const reloads = history.state?.reloads ?? 0;
  const look = async () => {
    await refreshStats();
    if (wouldLose()) return;
    history.replaceState({ reloads: Math.min(reloads + 1, MOST_RELOADS) }, "");
    location.reload();
  };
  setTimeout(() => poll(look), RELOADED_AFTER * 2 ** reloads);
}

async function draw() {
  const module = placeOf(location.hash).id ? await documentModule().catch(reloadLater) : null;
  const { id, page } = placeOf(location.hash); // of now: one may have gone elsewhere meanwhile
  if (shown === id) return view?.turn(page);
  if (id && !module) return;
  const isFirst = shown === null;
  view?.stop();
  shown = id;
  view = id ? module.documentView(id, page) : null;
  main.replaceChildren(view?.element ?? startView());
  if (!id) document.title = "ocr-celery";
  drawMasthead(!id, redraw);
  scrollTo(0, 0);
  if (!isFirst) main.focus({ preventScroll: true });
  performance.mark("drawn");
}

function redraw() {
  shown = "?"; // no id
  draw();
}

applyTheme();
document.getElementById("skip").addEventListener("click", (event) => (event.preventDefault(), main.focus()));
draw();
takeFromAnywhere();
addEventListener("hashchange", draw);
listenToKeys(() => view?.keys() ?? {});
followService(document.body, showState);
learnService().catch(() => {}).then(documentModule).catch(() => {}); // whoever needs them asks again, and says what is wrong
poll(async () => shown && refreshStats(), { fast: 5000, slow: 5000 }); // the start has its own
