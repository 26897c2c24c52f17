import { useEffect, useState } from "preact/hooks";
import { unwrap } from "@tandem/client";
import { nameOf, searchPeople } from "../api/people.ts";
import { api } from "../api/session.ts";
import { navigate } from "../router.ts";
import { Dialog } from "./dialog.tsx";
import { clock, label } from "./format.ts";

interface Hit {
  kind: string;
  text: string;
  fact: string;
  to: string;
}

const EACH = 5;

/** Search over tasks, meetings and what was spoken in them, projects, words on drawings, and people. */
export function Search({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState("");
  const [found, setFound] = useState<{ for: string; hits: Hit[] }>({ for: "", hits: [] });
  const [place, setPlace] = useState(0);
  const words = text.trim();

  useEffect(() => {
    if (!words) return setFound({ for: "", hits: [] });
    let isLatest = true;
    const timer = setTimeout(async () => {
      const lists = await Promise.all(SOURCES.map((source) => source(words).catch(() => [])));
      if (!isLatest) return;
      setFound({ for: words, hits: lists.flat() });
      setPlace(0);
    }, 150);
    return () => {
      isLatest = false;
      clearTimeout(timer);
    };
  }, [words]);
  // Hits of the words before stay until the next ones arrive, but Enter does not open them.
  const { hits } = found;
  const isCurrent = found.for === words;

  function open(hit: Hit | undefined) {
    if (!hit) return;
    onClose();
    navigate(hit.to);
  }

  function onKeyDown(event: KeyboardEvent) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && hits.length) {
      event.preventDefault();
      setPlace((place + step + hits.length) % hits.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (isCurrent) open(hits[place]);
    }
  }

  return (
    <Dialog title="Search" onClose={onClose} wide>
      <input
        type="search"
        role="combobox"
        aria-label="Search everything"
        aria-expanded={hits.length > 0}
        aria-controls="hits"
        aria-activedescendant={hits.length ? `hit-${place}` : undefined}
        autofocus
        autocomplete="off"
        placeholder="Tasks, meetings, projects, drawings, people"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <ul id="hits" class="hits" role="listbox" aria-label="Results" hidden={!hits.length}>
        {hits.map((hit, at) => (
          <li key={hit.kind + hit.to} id={`hit-${at}`} role="option" aria-selected={at === place} onClick={() => open(hit)}>
            <span class="tag">{hit.kind}</span> <span class="grow">{hit.text}</span> <span class="muted">{hit.fact}</span>
          </li>
        ))}
      </ul>
      {words && isCurrent && !hits.length && <p class="muted">Nothing found. A search finds beginnings of words.</p>}
    </Dialog>
  );
}

const SOURCES: ((query: string) => Promise<Hit[]>)[] = [
  async (query) => {
    const { tasks } = await unwrap(api.GET("/api/v1/tasks", { params: { query: { query, page_size: EACH } } }));
    return tasks.map((task) => ({ kind: "Task", text: task.title, fact: label(task.status), to: `/tasks/${task.id}` }));
  },
  async (query) => {
    const { projects } = await unwrap(api.GET("/api/v1/projects", { params: { query: { query, page_size: EACH } } }));
    return projects.map((project) => ({ kind: "Project", text: project.name, fact: project.number, to: `/projects/${project.id}` }));
  },
  async (query) => {
    const { meetings } = await unwrap(api.GET("/api/v1/meetings", { params: { query: { query, page_size: EACH } } }));
    return meetings.map((meeting) => ({ kind: "Meeting", text: meeting.title, fact: label(meeting.status), to: `/meetings/${meeting.id}` }));
  },
  async (query) => {
    const { matches } = await unwrap(api.GET("/api/v1/meetings/search", { params: { query: { query, page_size: EACH } } }));
    return matches.flatMap(({ segment, meeting_title }) => segment
      ? [{ kind: "Spoken", text: segment.text, fact: `${meeting_title} ${clock(segment.start_ms)}`, to: `/meetings/${segment.meeting_id}?at=${segment.start_ms}` }]
      : []);
  },
  async (query) => {
    const { matches } = await unwrap(api.GET("/api/v1/drawings/search", { params: { query: { query, page_size: EACH } } }));
    return matches.map(({ document_id, document_title, page_number, sheet_number, sheet_title, words }) => ({
      kind: "Drawing",
      text: `${document_title}: sheet ${sheet_number || page_number + 1} ${sheet_title}`,
      fact: words[0]?.text ?? "",
      to: `/documents/${document_id}?sheet=${page_number}`,
    }));
  },
  async (query) => {
    const users = await searchPeople(query);
    return users.slice(0, EACH).map((user) => ({ kind: "Person", text: nameOf(user), fact: user.email, to: `/tasks?assignee=${user.id}` }));
  },
];
