// The names of users, which are fetched in batches when a component shows them.
import { signal } from "@preact/signals";
import { unwrap, type User } from "@tandem/client";
import { api, me } from "./session.ts";

const known = signal(new Map<string, string>());
const asked = new Set<string>();
let waiting: string[] = [];

const BATCH = 100;

export function nameOf(user: Pick<User, "display_name" | "first_name" | "last_name" | "email">): string {
  return user.display_name || `${user.first_name} ${user.last_name}`.trim() || user.email || "Unnamed user";
}

/** Return the name of the user with this id, at first empty; the component is drawn again when it is known. */
export function personName(id: string): string {
  if (!id) return "";
  if (id === me.value?.id) return nameOf(me.value);
  if (id === "system") return "Tandem";
  const name = known.value.get(id);
  if (name === undefined) ask(id);
  return name ?? "";
}

export function learn(users: User[]): void {
  const next = new Map(known.peek());
  for (const user of users) {
    next.set(user.id, nameOf(user));
    asked.add(user.id);
  }
  known.value = next;
}

export async function searchPeople(text: string): Promise<User[]> {
  const page = text.trim()
    ? api.GET("/api/v1/users/search", { params: { query: { query: text.trim(), page_size: 8 } } })
    : api.GET("/api/v1/users", { params: { query: { page_size: 8 } } });
  const { users } = await unwrap(page);
  learn(users);
  return users;
}

function ask(id: string): void {
  if (asked.has(id)) return;
  asked.add(id);
  waiting.push(id);
  if (waiting.length === 1) setTimeout(fetchWaiting, 5);
}

async function fetchWaiting(): Promise<void> {
  const ids = waiting.slice(0, BATCH);
  waiting = waiting.slice(BATCH);
  if (waiting.length) setTimeout(fetchWaiting, 5);
  try {
    const { users } = await unwrap(api.GET("/api/v1/users/batch", { params: { query: { user_ids: ids } } }));
    learn(users);
    const found = new Set(users.map((user) => user.id));
    const missing = ids.filter((id) => !found.has(id));
    if (missing.length) known.value = new Map([...known.peek(), ...missing.map((id) => [id, "Former user"] as const)]);
  } catch {
    for (const id of ids) asked.delete(id);
  }
}
