// When to ask again: often while states change, else less often, never while the tab is hidden.

const FAST = 700; // ms
const SLOW = 3000;
const LOST = 10_000;

/**
 * Calls `look` again and again until it returns "done" or it is stopped. It returns "moved" where something has changed.
 * One question at a time; after an error the pauses grow. Returns { stop, now }.
 */
export function poll(look, { fast = FAST, slow = SLOW } = {}) {
  let pause = fast;
  let timer = 0;
  let asking = false;
  let ended = false;
  const wake = () => {
    if (ended || asking || document.hidden) return;
    clearTimeout(timer);
    pause = fast;
    run();
  };
  const run = async () => {
    asking = true;
    try {
      const found = await look();
      if (found === "done") return stop();
      pause = found === "moved" ? fast : Math.min(pause * 1.5, slow);
    } catch (error) {
      pause = Math.min(Math.max(pause * 2, (error.retryAfter ?? 0) * 1000), LOST);
    } finally {
      asking = false;
    }
    if (!ended && !document.hidden) timer = setTimeout(run, pause);
  };
  const stop = () => {
    ended = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", wake);
    removeEventListener("online", wake);
  };
  document.addEventListener("visibilitychange", wake);
  addEventListener("online", wake);
  run();
  return { stop, now: wake };
}
