import { signal } from "@preact/signals";

const query = matchMedia("(max-width: 760px)");

/** Whether the screen is so narrow that rows take two lines. */
export const narrow = signal(query.matches);
query.addEventListener("change", () => (narrow.value = query.matches));
