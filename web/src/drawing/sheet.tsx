import { useEffect, useRef, useState } from "preact/hooks";
import type { Component, DrawingPage } from "@tandem/client";
import { withTicket } from "../api/lists.ts";

/** Left, top, right, bottom in points from the top left corner of the page. */
export type Box = [number, number, number, number];

interface Props {
  documentId: string;
  page: DrawingPage;
  components: Component[];
  chosen: string;
  onChoose: (id: string) => void;
  isPicking: boolean;
  onPick: (box: Box) => void;
}

const ZOOMS = [1, 1.5, 2, 3, 4];
/** Pixels per inch of the image: sharp on common screens, at most 2,400 pixels wide. */
const MOST_PIXELS = 2400;

/** A page with boxes over what was found on it. */
export function Sheet({ documentId, page, components, chosen, onChoose, isPicking, onPick }: Props) {
  const [address, setAddress] = useState("");
  const [zoom, setZoom] = useState(1);
  const [box, setBox] = useState<Box | null>(null);
  const svg = useRef<SVGSVGElement>(null);
  const dpi = Math.max(10, Math.min(200, Math.floor((72 * MOST_PIXELS) / Math.max(page.width, page.height))));
  useEffect(() => {
    withTicket(`/api/v1/documents/${documentId}/pages/${page.page_number}/image`, `dpi=${dpi}`).then(setAddress, () => undefined);
  }, [page.id]);
  useEffect(() => {
    svg.current?.querySelector(".chosen")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [chosen]);

  function place(event: PointerEvent): [number, number] {
    const frame = svg.current!.getBoundingClientRect();
    return [((event.clientX - frame.x) / frame.width) * page.width, ((event.clientY - frame.y) / frame.height) * page.height];
  }

  function onDown(event: PointerEvent) {
    if (!isPicking) return;
    event.preventDefault();
    svg.current!.setPointerCapture(event.pointerId);
    const [x, y] = place(event);
    setBox([x, y, x, y]);
  }
  function onMove(event: PointerEvent) {
    if (box) setBox([box[0], box[1], ...place(event)]);
  }
  function onUp() {
    if (!box) return;
    const [x0, y0, x1, y1] = box;
    setBox(null);
    if (Math.abs(x1 - x0) > 3 && Math.abs(y1 - y0) > 3) onPick([Math.min(x0, x1), Math.min(y0, y1), Math.max(x0, x1), Math.max(y0, y1)]);
  }

  return (
    <div>
      <div class="row zoom" role="group" aria-label="Zoom">
        {ZOOMS.map((value) => <button key={value} class="toggle" aria-pressed={zoom === value} onClick={() => setZoom(value)}>{value * 100} %</button>)}
      </div>
      <div class="stage" tabIndex={0} role="region" aria-label={`Sheet ${page.sheet_number || page.page_number + 1}`}>
        <div class="sheet" style={{ width: `${zoom * 100}%`, aspectRatio: `${page.width} / ${page.height}` }}>
          {address && <img src={address} alt={`Sheet ${page.sheet_number || page.page_number + 1} ${page.sheet_title}`} />}
          <svg
            ref={svg}
            viewBox={`0 0 ${page.width} ${page.height}`}
            class={isPicking ? "picking" : ""}
            aria-hidden="true"
            onPointerDown={onDown}
            onPointerMove={onMove}
            onPointerUp={onUp}
          >
            {components.map((component) => <Shape key={component.id} box={component.bbox as Box} name={`${component.state}${component.id === chosen ? " chosen" : ""}`} onClick={() => !isPicking && onChoose(component.id)} />)}
            {box && <Shape box={box} name="picked" />}
          </svg>
        </div>
      </div>
    </div>
  );
}

function Shape({ box: [x0, y0, x1, y1], name, onClick }: { box: Box; name: string; onClick?: () => void }) {
  return <rect class={name} x={Math.min(x0, x1)} y={Math.min(y0, y1)} width={Math.abs(x1 - x0)} height={Math.abs(y1 - y0)} onClick={onClick} />;
}
