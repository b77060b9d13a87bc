// How views follow what changes: they are told, or they ask, until their element has left the page.

/** `follow` updates now and at each change, and returns the element. */
export function topic() {
  const followers = new Set();
  return {
    follow: (element, update) => {
      followers.add({ element, update });
      update();
      return element;
    },
    tell: () => {
      for (const one of [...followers]) one.element.isConnected ? one.update() : followers.delete(one);
    },
  };
}

const FAST = 700; // ms
const SLOW = 3000;
const LOST = 10_000;

/**
 * Calls `look` again and again until it returns "done": often while it returns "moved", else less often, more seldom after errors,
 * never while the tab is hidden. Returns what asks at once.
 */
export function poll(look, { element = document.body, fast = FAST, slow = SLOW } = {}) {
  const end = new AbortController();
  const { signal } = end;
  let pause = fast;
  let timer = 0;
  let asking = false;
  const run = async () => {
    asking = true;
    try {
      const found = await look();
      if (found === "done") end.abort();
      pause = found === "moved" ? fast : Math.min(pause * 1.5, slow);
    } catch (error) {
      pause = Math.min(Math.max(pause * 2, (error.retryAfter ?? 0) * 1000), LOST);
    }
    asking = false;
    if (!signal.aborted && !document.hidden) timer = setTimeout(again, pause);
  };
  const again = () => (element.isConnected ? run() : end.abort());
  const wake = () => {
    if (signal.aborted || asking || document.hidden) return;
    clearTimeout(timer);
    pause = fast;
    again();
  };
  document.addEventListener("visibilitychange", wake, { signal });
  addEventListener("online", wake, { signal });
  run();
  return wake;
}
