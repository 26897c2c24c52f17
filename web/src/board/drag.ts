// Dragging a card by pointer: with a mouse after a few pixels, with a finger after it rested on the card.
import { signal } from "@preact/signals";

export interface Drag {
  id: string;
  x: number;
  y: number;
  /** Size of the card, and where it is held. */
  width: number;
  holdX: number;
  holdY: number;
  /** Key of the column under the pointer, and the place in it. */
  column: string;
  place: number;
}

export const drag = signal<Drag | null>(null);

const START_PX = 5;
const REST_MS = 280;
const EDGE_PX = 48;
const STEP_PX = 14;

/** Follow the pointer that went down on a card; `onDrop` gets the last state if the card was dragged. */
export function startDrag(event: PointerEvent, id: string, cardHeight: number, onDrop: (drag: Drag) => void): void {
  if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const card = event.currentTarget as HTMLElement;
  const board = card.closest<HTMLElement>(".board")!;
  const box = card.getBoundingClientRect();
  const start = { x: event.clientX, y: event.clientY };
  const isTouch = event.pointerType === "touch";
  let frame = 0;
  const resting = isTouch ? setTimeout(() => lift(start), REST_MS) : undefined;

  function lift({ x, y }: { x: number; y: number }) {
    drag.value = { id, x, y, width: box.width, holdX: start.x - box.x, holdY: start.y - box.y, column: "", place: 0 };
    frame = requestAnimationFrame(scrollAtEdges);
    move(x, y);
  }

  function move(x: number, y: number) {
    const column = document.elementFromPoint(x, y)?.closest<HTMLElement>("[data-column]");
    const scroller = column?.querySelector<HTMLElement>(".scroller");
    const place = scroller ? Math.max(0, Math.round((y - scroller.getBoundingClientRect().y + scroller.scrollTop) / cardHeight - 0.3)) : 0;
    drag.value = { ...drag.value!, x, y, column: column?.dataset.column ?? "", place };
  }

  function onMove(event: PointerEvent) {
    const far = Math.hypot(event.clientX - start.x, event.clientY - start.y) > START_PX;
    if (drag.value) move(event.clientX, event.clientY);
    else if (far && isTouch) end();
    else if (far) lift({ x: event.clientX, y: event.clientY });
  }

  function onUp() {
    const dropped = drag.value;
    end();
    if (!dropped) return;
    // The click that follows is not one on the card's link.
    addEventListener("click", preventOnBoard, { capture: true, once: true });
    setTimeout(() => removeEventListener("click", preventOnBoard, { capture: true }), 50);
    onDrop(dropped);
  }

  function preventOnBoard(event: MouseEvent) {
    const target = event.target as Element;
    if (!target.contains(board) && !board.contains(target)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  function onKeyDown(event: KeyboardEvent) {
    if (event.key === "Escape") end();
  }

  /** A finger that drags does not scroll. */
  function onTouchMove(event: TouchEvent) {
    if (drag.value) event.preventDefault();
  }

  function scrollAtEdges() {
    if (!drag.value) return;
    const { x, y, column } = drag.value;
    const area = board.getBoundingClientRect();
    if (x > area.right - EDGE_PX) board.scrollLeft += STEP_PX;
    else if (x < area.left + EDGE_PX) board.scrollLeft -= STEP_PX;
    const scroller = board.querySelector<HTMLElement>(`[data-column="${CSS.escape(column)}"] .scroller`);
    const place = scroller?.getBoundingClientRect();
    if (place && y > place.bottom - EDGE_PX) scroller!.scrollTop += STEP_PX;
    else if (place && y < place.top + EDGE_PX) scroller!.scrollTop -= STEP_PX;
    frame = requestAnimationFrame(scrollAtEdges);
  }

  function end() {
    clearTimeout(resting);
    cancelAnimationFrame(frame);
    drag.value = null;
    removeEventListener("pointermove", onMove);
    removeEventListener("pointerup", onUp);
    removeEventListener("pointercancel", end);
    removeEventListener("keydown", onKeyDown);
    removeEventListener("touchmove", onTouchMove);
  }

  addEventListener("pointermove", onMove);
  addEventListener("pointerup", onUp);
  addEventListener("pointercancel", end);
  addEventListener("keydown", onKeyDown);
  addEventListener("touchmove", onTouchMove, { passive: false });
}
