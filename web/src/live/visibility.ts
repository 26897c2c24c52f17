// Streams only of pages that are looked at. Browsers open six connections to a server, for all tabs together: streams of
// hidden tabs would keep others from loading. A stream that was closed resumes after its cursor.

const PATIENCE_MS = 5000;

/** The page was left; browsers keep it for a while, to show it again when the user comes back. */
let isLeft = false;
addEventListener("pagehide", () => (isLeft = true));
addEventListener("pageshow", () => (isLeft = false));

export async function visible(): Promise<void> {
  while (document.hidden || isLeft) {
    await new Promise((resolve) => {
      document.addEventListener("visibilitychange", resolve, { once: true });
      addEventListener("pageshow", resolve, { once: true });
    });
  }
}

/** Return a signal that is aborted when the page is left or was hidden for a while, or by the other signal. */
export function untilHidden(stopping: AbortSignal): AbortSignal {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const onChange = () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(abort, PATIENCE_MS);
  };
  const abort = () => {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", onChange);
    removeEventListener("pagehide", abort);
    stopping.removeEventListener("abort", abort);
    controller.abort();
  };
  document.addEventListener("visibilitychange", onChange);
  addEventListener("pagehide", abort);
  stopping.addEventListener("abort", abort);
  return controller.signal;
}
