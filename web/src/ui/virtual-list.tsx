import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

interface Props<T> {
  rows: T[];
  rowHeight: number;
  idOf: (row: T) => string;
  children: (row: T) => ComponentChildren;
  label: string;
  /** Place of a row that is to be scrolled into view when it changes. */
  shown?: number;
}

const AROUND = 6;
/** The list is drawn anew when it has been scrolled by so many rows. */
const STEP = 4;

/** A list of rows of equal height that draws only those in view. */
export function VirtualList<T>({ rows, rowHeight, idOf, children, label, shown = -1 }: Props<T>) {
  const scroller = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ first: 0, count: 20 });

  useLayoutEffect(() => {
    const element = scroller.current!;
    const measure = () => {
      const first = Math.floor(element.scrollTop / (STEP * rowHeight)) * STEP;
      const count = Math.ceil(element.clientHeight / rowHeight) + STEP;
      setView((before) => (before.first === first && before.count === count ? before : { first, count }));
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener("scroll", measure, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", measure);
    };
  }, [rowHeight]);

  useEffect(() => {
    const element = scroller.current!;
    if (shown < 0) return;
    const top = shown * rowHeight;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + rowHeight > element.scrollTop + element.clientHeight) element.scrollTop = top + rowHeight - element.clientHeight;
  }, [shown, rowHeight]);

  const first = Math.max(0, view.first - AROUND);
  const last = Math.min(rows.length, view.first + view.count + AROUND);
  const places = Array.from({ length: Math.max(0, last - first) }, (_, at) => first + at);
  // The row that is to be shown is drawn before it is in view, so that it can have the focus at once.
  if (shown >= 0 && shown < first) places.unshift(shown);
  if (shown >= last && shown < rows.length) places.push(shown);
  return (
    <div class="scroller" ref={scroller} tabIndex={rows.length ? undefined : -1}>
      <ol class="virtual" aria-label={label} style={{ height: `${rows.length * rowHeight}px` }}>
        {places.map((place) => (
          <li
            key={idOf(rows[place]!)}
            aria-setsize={rows.length}
            aria-posinset={place + 1}
            style={{ transform: `translateY(${place * rowHeight}px)`, height: `${rowHeight}px` }}
          >
            {children(rows[place]!)}
          </li>
        ))}
      </ol>
    </div>
  );
}
