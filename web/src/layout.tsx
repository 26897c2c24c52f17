import type { ComponentChildren } from "preact";
import { signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { connection } from "./live/feed.ts";
import { match, path } from "./router.ts";
import { useKeys } from "./ui/keys.ts";
import { RecordingBar } from "./meeting/record.tsx";
import { Icon } from "./ui/icons.tsx";
import { Help } from "./ui/help.tsx";
import { NewTask, newTask } from "./ui/new-task.tsx";
import { Search } from "./ui/search.tsx";

const PLACES = [
  ["/", "Today", "today"],
  ["/tasks", "Tasks", "tasks"],
  ["/projects", "Projects", "projects"],
  ["/meetings", "Meetings", "meetings"],
  ["/me", "Me", "me"],
] as const;

/** The dialog that is open over the page. */
export const overlay = signal<"" | "help" | "search">("");

export function Layout({ children }: { children: ComponentChildren }) {
  useKeys({
    "?": () => (overlay.value = "help"),
    "ctrl+k": () => (overlay.value = "search"),
    c: () => newTask(projectOfPage()),
  });
  const main = useFocusAfterNavigation();
  return (
    <>
      <a class="skip" href="#main">Skip to content</a>
      <nav class="places" aria-label="Main">
        <a class="brand" href="/" aria-label="Tandem, Today"><Icon name="tandem" /><span>Tandem</span></a>
        {PLACES.map(([to, name, icon]) => (
          <a key={to} href={to} aria-current={isCurrent(to) ? "page" : undefined}><Icon name={icon} /><span>{name}</span></a>
        ))}
        <button class="plain" onClick={() => (overlay.value = "search")}><Icon name="search" /><span>Search</span></button>
        <button class="plain help-button" onClick={() => (overlay.value = "help")}><Icon name="help" /><span>Keys</span></button>
      </nav>
      <div class="page">
        {connection.value === "offline" && <p class="offline" role="status">No connection. Changes arrive as soon as it is back.</p>}
        <RecordingBar />
        <main id="main" ref={main} tabIndex={-1}>{children}</main>
      </div>
      {overlay.value === "help" && <Help onClose={close} />}
      {overlay.value === "search" && <Search onClose={close} />}
      <NewTask />
    </>
  );
}

/** Move the focus to the content when another page is shown, so that the keyboard and screen readers continue there. */
function useFocusAfterNavigation() {
  const main = useRef<HTMLElement>(null);
  const shown = useRef(path.value);
  useLayoutEffect(() => {
    if (shown.current !== path.value) main.current!.focus({ preventScroll: true });
    shown.current = path.value;
  }, [path.value]);
  return main;
}

export function close(): void {
  overlay.value = "";
}

function isCurrent(to: string): boolean {
  return path.value === to || (to !== "/" && path.value.startsWith(`${to}/`));
}

function projectOfPage(): string {
  return match("/projects/:id", path.value)?.id ?? "";
}
