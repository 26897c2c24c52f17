// Keys of the page. They are ignored while a field has the focus, and behind a dialog.
import { useEffect, useRef } from "preact/hooks";

export type Bindings = Record<string, (event: KeyboardEvent) => void>;

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && !!target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
}

/** Whether the key presses what has the focus: Enter and Space belong to a focused link or button. */
function isPress({ target, key }: KeyboardEvent): boolean {
  return (key === "Enter" || key === " ") && target instanceof HTMLElement && !!target.closest("a, button, summary, input");
}

/** Return the name of a pressed key with its modifiers, as `ctrl+k` or `shift+ArrowLeft`. */
function nameOfKey(event: KeyboardEvent): string {
  const control = event.ctrlKey || event.metaKey ? "ctrl+" : "";
  const shift = event.shiftKey && event.key.length > 1 ? "shift+" : "";
  return control + shift + (event.key.length === 1 ? event.key.toLowerCase() : event.key);
}

export function useKeys(bindings: Bindings): void {
  const current = useRef(bindings);
  current.current = bindings;
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.altKey || event.isComposing) return;
      const name = nameOfKey(event);
      const action = current.current[name];
      const blocked = isTyping(event.target) && !name.startsWith("ctrl+");
      if (!action || blocked || isPress(event) || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      action(event);
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, []);
}
