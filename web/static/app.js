// Starts the page: one view at a time, by the address, and what is there in every view. The modules that only a document needs come
// once the start is drawn, or when a document is opened.

import { takeFromAnywhere } from "./intake.js";
import { listenToKeys } from "./keyboard.js";
import { drawMasthead, showState } from "./masthead.js";
import { poll } from "./polling.js";
import { applyTheme } from "./preferences.js";
import { addressOf, placeOf } from "./router.js";
import { wouldLose } from "./sending.js";
import { learnService, noteAway, onService, refreshStats } from "./service.js";
import { startView } from "./start_view.js";

const RELOADED_AFTER = 2000; // ms; twice as long each further time
const MOST_RELOADS = 5; // from then on not longer
const main = document.getElementById("main");
let view = null;
let shown = null; // the id of what is shown; "" at the start

/** The module of a document's view; those that it imports are fetched beside it. */
function documentModule() {
  document.head.append(document.getElementById("later").content);
  return import("./document_view.js");
}

/** Browsers remember a module that could not be had: the page must be loaded again, once the service is back. */
function reloadLater() {
  noteAway(true);
  const reloads = history.state?.reloads ?? 0;
  const look = async () => {
    await refreshStats();
    if (wouldLose()) return "same";
    history.replaceState({ reloads: Math.min(reloads + 1, MOST_RELOADS) }, "");
    location.reload();
    return "same";
  };
  setTimeout(() => poll(look), RELOADED_AFTER * 2 ** reloads);
}

async function draw() {
  const module = placeOf(location.hash).id ? await documentModule().catch(reloadLater) : null;
  const place = placeOf(location.hash); // of now: one may have gone elsewhere meanwhile
  if (shown === place.id) return place.id && view.turn(place.page);
  if (place.id && !module) return false;
  const isFirst = view === null;
  view?.stop();
  shown = place.id;
  view = place.id ? module.documentView(place.id, place.page) : startView();
  main.replaceChildren(view.element);
  if (!place.id) document.title = "ocr-celery";
  drawMasthead({ isStart: !place.id, redraw });
  scrollTo(0, 0);
  if (!isFirst) main.focus({ preventScroll: true });
  return performance.mark("drawn");
}

function redraw() {
  shown = null;
  draw();
}

applyTheme();
document.getElementById("skip").addEventListener("click", (event) => (event.preventDefault(), main.focus()));
draw();
takeFromAnywhere({ open: (id) => (location.hash = addressOf(id)), list: () => (location.hash = "#/") });
addEventListener("hashchange", draw);
listenToKeys(() => view?.keys?.() ?? {});
onService(showState);
learnService().catch(() => {}).then(documentModule).catch(() => {}); // whoever needs them asks again, and says what is wrong
poll(async () => (shown ? await refreshStats() : null, "same"), { fast: 5000, slow: 5000 }); // the start has its own
