import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { User } from "@tandem/client";
import { nameOf, personName, searchPeople } from "../api/people.ts";
import { me } from "../api/session.ts";

export function Person({ id, none = "" }: { id: string; none?: string }) {
  return <>{id ? personName(id) || "…" : none}</>;
}

export function initials(name: string): string {
  const words = name.split(/\s+/).filter(Boolean);
  return ((words[0]?.[0] ?? "") + (words.length > 1 ? words.at(-1)![0] : "")).toUpperCase();
}

export function Avatar({ id }: { id: string }) {
  if (!id) return null;
  const name = personName(id);
  return <span class="avatar" title={name} data-colour={[...id].reduce((sum, c) => sum + c.charCodeAt(0), 0) % 6}>{initials(name)}</span>;
}

interface PickerProps {
  label: string;
  /** The id of the user, empty for the empty choice; null if there is no one value. */
  value: string | null;
  onPick: (id: string) => void;
  /** The empty choice. */
  none?: string;
}

/** A combo box of users, by beginnings of their names. */
export function PersonPicker({ label, value, onPick, none = "Nobody" }: PickerProps) {
  const id = useId();
  const [typed, setTyped] = useState<string | null>(null);
  const [found, setFound] = useState<{ for: string; users: User[] }>({ for: "", users: [] });
  const [isOpen, setOpen] = useState(false);
  const [place, setPlace] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  const words = typed ?? "";

  useEffect(() => {
    if (!isOpen) return;
    let isLatest = true;
    const timer = setTimeout(async () => {
      const users = await searchPeople(words).catch(() => []);
      if (isLatest) setFound({ for: words, users });
    }, 120);
    return () => {
      isLatest = false;
      clearTimeout(timer);
    };
  }, [words, isOpen]);

  // Only users of the words that are typed now: Enter must not pick one of an earlier answer.
  const users = found.for === words ? found.users : [];
  const options = [
    ...(typed ? [] : [{ id: "", name: none }]),
    ...(me.value && !typed ? [{ id: me.value.id, name: `${nameOf(me.value)} (me)` }] : []),
    ...users.filter((user) => typed || user.id !== me.value?.id).map((user) => ({ id: user.id, name: nameOf(user) })),
  ];

  function pick(option: { id: string } | undefined) {
    if (!option) return;
    setOpen(false);
    setTyped(null);
    if (option.id === value) return;
    input.current!.dispatchEvent(new Event("change", { bubbles: true }));
    onPick(option.id);
  }

  function onKeyDown(event: KeyboardEvent) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      setOpen(true);
      setPlace((place + step + options.length) % Math.max(options.length, 1));
    } else if (event.key === "Enter" && isOpen) {
      event.preventDefault();
      pick(options[place]);
    } else if (event.key === "Escape" && isOpen) {
      event.preventDefault();
      event.stopPropagation();
      setOpen(false);
      setTyped(null);
    }
  }

  return (
    <div class="field picker">
      <label for={id}>{label}</label>
      <input
        ref={input}
        id={id}
        role="combobox"
        autocomplete="off"
        aria-expanded={isOpen}
        aria-controls={`${id}-list`}
        aria-activedescendant={isOpen && options[place] ? `${id}-${place}` : undefined}
        placeholder={none}
        value={typed ?? (value ? personName(value) : "")}
        onFocus={(event) => { setOpen(true); setPlace(0); event.currentTarget.select(); }}
        onBlur={() => { setOpen(false); setTyped(null); }}
        onInput={(event) => { setTyped(event.currentTarget.value); setOpen(true); setPlace(0); }}
        onKeyDown={onKeyDown}
      />
      <ul id={`${id}-list`} role="listbox" aria-label={label} hidden={!isOpen || !options.length}>
        {options.map((option, at) => (
          <li
            key={option.id}
            id={`${id}-${at}`}
            role="option"
            aria-selected={at === place}
            onMouseDown={(event) => { event.preventDefault(); pick(option); }}
          >
            {option.name}
          </li>
        ))}
      </ul>
    </div>
  );
}
