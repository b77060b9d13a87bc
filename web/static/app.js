// Starts the page: one view at a time, by the address, and what is there in every view.

import { documentView } from "./document_view.js";
import { takeFromAnywhere } from "./intake.js";
import { listenToKeys } from "./keyboard.js";
import { drawMasthead, showState } from "./masthead.js";
import { poll } from "./polling.js";
import { applyTheme } from "./preferences.js";
import { addressOf, placeOf } from "./router.js";
import { learnService, onService, refreshStats } from "./service.js";
import { startView } from "./start_view.js";

const main = document.getElementById("main");
let view = null;
let shown = null; // the id of what is shown; "" at the start

function draw() {
  const place = placeOf(location.hash);
  if (shown === place.id && place.id) return view.turn(place.page);
  if (shown === place.id) return undefined;
  const isFirst = view === null;
  view?.stop();
  shown = place.id;
  view = place.id ? documentView(place.id, place.page) : startView();
  main.replaceChildren(view.element);
  if (!place.id) document.title = "ocr-celery";
  drawMasthead({ isStart: !place.id, redraw });
  scrollTo(0, 0);
  if (!isFirst) main.focus({ preventScroll: true });
  return undefined;
}

function redraw() {
  shown = null;
  draw();
}

applyTheme();
document.getElementById("skip").addEventListener("click", (event) => (event.preventDefault(), main.focus()));
draw();
addEventListener("hashchange", draw);
takeFromAnywhere({ open: (id) => (location.hash = addressOf(id)), list: () => (location.hash = "#/") });
listenToKeys(() => view.keys?.() ?? {});
onService(showState);
learnService().catch(() => {}); // whoever needs it asks again
poll(async () => (shown ? await refreshStats() : null, "same"), { fast: 5000, slow: 5000 }); // the start has its own
