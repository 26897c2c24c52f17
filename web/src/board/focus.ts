// Keys move the focus through tasks. Of a long list only those in view are drawn, and a task that moves is drawn anew.
import { useLayoutEffect, useRef } from "preact/hooks";

/** Follow the focus of the links of tasks within an element, and give it back to a link that is drawn anew. */
export function useTaskFocus(onFocused: (id: string) => void) {
  const container = useRef<HTMLDivElement>(null);
  const wanted = useRef("");

  function linkOf(id: string) {
    return container.current?.querySelector<HTMLElement>(`a[href="/tasks/${id}"]`);
  }

  useLayoutEffect(() => {
    const active = document.activeElement;
    if (active && active !== document.body) {
      if (!container.current?.contains(active)) wanted.current = "";
      return;
    }
    const link = wanted.current && linkOf(wanted.current);
    if (!link) return;
    link.focus();
    link.closest("section")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  });

  function focus(id: string | undefined) {
    if (!id) return;
    wanted.current = id;
    onFocused(id);
    const link = linkOf(id);
    if (link) link.focus();
    else (document.activeElement as HTMLElement | null)?.blur();
  }

  function onFocusIn(event: FocusEvent) {
    const id = (event.target as HTMLElement).closest<HTMLElement>("[data-task]")?.dataset.task;
    if (!id) return;
    wanted.current = id;
    onFocused(id);
  }

  return { container, focus, onFocusIn };
}
