import { useEffect, useRef } from "preact/hooks";
import type { Component } from "@tandem/client";
import { label } from "../ui/format.ts";
import { useKeys } from "../ui/keys.ts";

interface Props {
  components: Component[];
  chosen: string;
  onChoose: (id: string) => void;
  mayDecide: boolean;
  decide: (component: Component, state: "confirmed" | "rejected") => void;
}

/** What was found on a sheet; J and K choose, Y confirms, X rejects. */
export function ComponentList({ components, chosen, onChoose, mayDecide, decide }: Props) {
  const list = useRef<HTMLUListElement>(null);
  const at = components.findIndex(({ id }) => id === chosen);
  const step = (by: number) => onChoose(components[Math.min(Math.max(at + by, 0), components.length - 1)]?.id ?? "");
  const current = components[at];
  useKeys({
    j: () => step(1),
    k: () => step(-1),
    y: () => mayDecide && current && decide(current, "confirmed"),
    x: () => mayDecide && current && decide(current, "rejected"),
  });
  useEffect(() => list.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" }), [chosen]);
  const open = components.filter(({ state }) => state === "proposed").length;
  return (
    <section aria-label="Components">
      <h2>Components <span class="count">{components.length}{open > 0 && `, ${open} to decide`}</span></h2>
      <ul class="components" ref={list}>
        {components.map((component) => (
          <li key={component.id} class={component.state!} aria-current={component.id === chosen ? "true" : undefined}>
            <button class="plain grow" onClick={() => onChoose(component.id)}>
              <strong>{component.designator || label(component.class)}</strong>{" "}
              <span class="muted">{[component.designator && label(component.class), component.rating?.raw, label(component.method)].filter(Boolean).join(", ")}</span>
              {component.remark && <small>{component.remark}</small>}
            </button>
            {mayDecide && component.state !== "confirmed" && <button aria-label={`Confirm ${component.designator || component.class}`} onClick={() => decide(component, "confirmed")}>✓</button>}
            {mayDecide && component.state !== "rejected" && <button aria-label={`Reject ${component.designator || component.class}`} onClick={() => decide(component, "rejected")}>✗</button>}
          </li>
        ))}
      </ul>
      {!components.length && <p class="muted">Nothing was found on this sheet.</p>}
    </section>
  );
}
