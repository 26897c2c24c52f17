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
  value: string;
  onPick: (id: string) => void;
  none?: string;
  /** What is typed at first, such as a name that was heard. */
  text?: string;
}

/** A combo box of users, by beginnings of their names. */
export function PersonPicker({ label, value, onPick, none = "Nobody", text = "" }: PickerProps) {
  const id = useId();
  const [typed, setTyped] = useState<string | null>(text && !value ? text : null);
  const [found, setFound] = useState<User[]>([]);
  const [isOpen, setOpen] = useState(false);
  const [place, setPlace] = useState(0);
  const latest = useRef(0);

  useEffect(() => {
    if (!isOpen) return;
    const turn = ++latest.current;
    const timer = setTimeout(async () => {
      const users = await searchPeople(typed ?? "").catch(() => []);
      if (turn === latest.current) setFound(users);
    }, 120);
    return () => clearTimeout(timer);
  }, [typed, isOpen]);

  const options = [
    ...(typed ? [] : [{ id: "", name: none }]),
    ...(me.value && !typed ? [{ id: me.value.id, name: `${nameOf(me.value)} (me)` }] : []),
    ...found.filter((user) => typed || user.id !== me.value?.id).map((user) => ({ id: user.id, name: nameOf(user) })),
  ];

  function pick(option: { id: string } | undefined) {
    setOpen(false);
    setTyped(null);
    if (option && option.id !== value) onPick(option.id);
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
        id={id}
        role="combobox"
        autocomplete="off"
        aria-expanded={isOpen}
        aria-controls={`${id}-list`}
        aria-activedescendant={isOpen && options[place] ? `${id}-${place}` : undefined}
        placeholder={none}
        value={typed ?? (value ? personName(value) : "")}
        onFocus={(event) => { setOpen(true); setPlace(0); event.currentTarget.select(); }}
        onBlur={() => { setOpen(false); if (!text) setTyped(null); }}
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
