// Fields of a task that are edited in place. What was typed is never lost: if another user changed the same field since,
// both versions are shown.
import { useEffect, useRef, useState } from "preact/hooks";
import { problemOf, type Problem, type Task } from "@tandem/client";
import { changeTask, Conflict, type TaskChange } from "../api/tasks.ts";
import { useUnsavedWarning } from "./unsaved.ts";

type Name = "title" | "description" | "due_date" | "labels";

export interface Editing {
  text: string;
  isDirty: boolean;
  problem: Problem | null;
  conflict: Conflict | null;
  type: (text: string) => void;
  save: () => void;
  revert: () => void;
  keepMine: () => void;
  takeTheirs: () => void;
}

/** Edit one field as text. `read` and `write` convert between the text and the value of the field. */
export function useEditing(task: Task, name: Name, read: (task: Task) => string, write: (text: string) => unknown): Editing {
  const [typed, setTyped] = useState<string | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [conflict, setConflict] = useState<Conflict | null>(null);
  /** The task as it was when the user began to type, or saved last. */
  const base = useRef(task);
  const saving = useRef(Promise.resolve());
  const isDirty = typed !== null && typed !== read(base.current);
  useUnsavedWarning(isDirty);
  useEffect(() => () => setTyped(null), [task.id]);

  /** Save after the saves before, whose answers are the base of this one. */
  function enqueue(text: string) {
    saving.current = saving.current.then(() => send(text));
  }

  async function send(text: string) {
    setProblem(null);
    try {
      if (text !== read(base.current)) base.current = await changeTask(base.current, { [name]: write(text) } as TaskChange);
      setConflict(null);
      setTyped((now) => (now === text ? null : now));
    } catch (cause) {
      if (cause instanceof Conflict) setConflict(cause);
      else setProblem(problemOf(cause));
    }
  }

  return {
    text: typed ?? read(task),
    isDirty,
    problem,
    conflict,
    type(text) {
      if (typed === null) base.current = task;
      setTyped(text);
    },
    save() {
      if (typed === null || conflict) return;
      if (typed === read(base.current)) setTyped(null);
      else enqueue(typed);
    },
    revert() {
      setTyped(null);
      setProblem(null);
      setConflict(null);
    },
    keepMine() {
      if (!conflict || typed === null) return;
      base.current = conflict.current;
      enqueue(typed);
    },
    takeTheirs() {
      setConflict(null);
      setTyped(null);
    },
  };
}

/** Show both versions of a field, and let the user decide. */
export function ConflictBox({ editing, read }: { editing: Editing; read: (task: Task) => string }) {
  if (!editing.conflict) return null;
  return (
    <div class="conflict" role="alert">
      <p><strong>{editing.conflict.author}</strong> changed this while you typed.</p>
      <div class="versions">
        <div><h3>Theirs</h3><p class="version">{read(editing.conflict.current) || "(empty)"}</p></div>
        <div><h3>Yours</h3><p class="version">{editing.text || "(empty)"}</p></div>
      </div>
      <div class="row">
        <button class="primary" onClick={editing.keepMine}>Keep mine</button>
        <button onClick={editing.takeTheirs}>Take theirs</button>
        <small>You can still change your text above before you keep it.</small>
      </div>
    </div>
  );
}
