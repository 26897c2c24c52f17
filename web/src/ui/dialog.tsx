import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useUnsavedWarning } from "./unsaved.ts";

interface Props {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  wide?: boolean;
}

/** A modal dialog. Escape and the button close it, and a click beside it unless a field was changed. */
export function Dialog({ title, onClose, children, wide }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [isChanged, setChanged] = useState(false);
  useUnsavedWarning(isChanged);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    dialog.current!.showModal();
    return () => before?.isConnected && before.focus();
  }, []);
  const noteChange = (event: Event) => {
    if ((event.target as HTMLInputElement).type !== "search") setChanged(true);
  };
  return (
    <dialog
      ref={dialog}
      class={wide ? "wide" : ""}
      aria-label={title}
      onCancel={onClose}
      onClose={onClose}
      onInput={noteChange}
      onChange={noteChange}
      onMouseDown={(event) => event.target === dialog.current && !isChanged && onClose()}
    >
      <div class="dialog-body">
        <header class="row">
          <h2>{title}</h2>
          <button type="button" class="plain" aria-label="Close" onClick={onClose}>×</button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
