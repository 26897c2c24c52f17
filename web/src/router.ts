// The address of the page as signals, and navigation without reloading it.
import { computed, signal } from "@preact/signals";

const address = signal(location.pathname + location.search);

export const path = computed(() => address.value.split("?")[0]!);
export const query = computed(() => new URLSearchParams(address.value.split("?")[1] ?? ""));

export function navigate(to: string, { replace = false } = {}): void {
  if (to !== address.value) history[replace ? "replaceState" : "pushState"](null, "", to);
  address.value = to;
}

/** Set or, with an empty value, drop parameters of the query without a new entry in the history. */
export function setQuery(values: Record<string, string | string[]>): void {
  const next = new URLSearchParams(query.value);
  for (const [name, value] of Object.entries(values)) {
    next.delete(name);
    for (const one of [value].flat()) if (one) next.append(name, one);
  }
  const text = next.toString();
  navigate(path.value + (text ? `?${text}` : ""), { replace: true });
}

/** Return the parts of the path that the pattern names, as `/tasks/:id`; null if it does not match. */
export function match(pattern: string, of: string): Record<string, string> | null {
  const parts = pattern.split("/");
  const found = of.replace(/(.)\/$/, "$1").split("/");
  if (parts.length !== found.length) return null;
  const values: Record<string, string> = {};
  for (const [place, part] of parts.entries()) {
    if (part.startsWith(":")) values[part.slice(1)] = decodeURIComponent(found[place]!);
    else if (part !== found[place]) return null;
  }
  return values;
}

/** Paths that the server answers itself. */
const OF_SERVER = /^\/(api|admin|static|health|metrics|docs)(\/|$)/;

export function startRouter(): void {
  addEventListener("popstate", () => (address.value = location.pathname + location.search));
  document.addEventListener("click", (event) => {
    const link = (event.target as Element).closest?.("a");
    const modified = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button !== 0;
    if (!link || modified || event.defaultPrevented || link.target || link.hasAttribute("download")) return;
    if (link.origin !== location.origin || OF_SERVER.test(link.pathname) || link.getAttribute("href")!.startsWith("#")) return;
    event.preventDefault();
    navigate(link.pathname + link.search);
    scrollTo(0, 0);
  });
}
