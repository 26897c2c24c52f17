// What this page knows of tasks, projects, meetings and documents: the newest version of each.
import { signal } from "@preact/signals";
import type { Document, Meeting, Project, Task } from "@tandem/client";

interface Row {
  id: string;
  version: number;
}

export class Collection<T extends Row> {
  /** Rises with each change; reading it makes a component follow the collection. */
  readonly revision = signal(0);
  private readonly rows = new Map<string, T>();
  private readonly deleted = new Map<string, number>();

  get(id: string): T | undefined {
    this.revision.value;
    return this.rows.get(id);
  }

  where(wanted: (row: T) => boolean): T[] {
    this.revision.value;
    return [...this.rows.values()].filter(wanted);
  }

  /** Keep rows, unless a newer version is known or they were deleted since. */
  put(...rows: T[]): void {
    let changed = false;
    for (const row of rows) {
      const version = Number(row.version);
      if (version <= (this.deleted.get(row.id) ?? 0)) continue;
      const known = this.rows.get(row.id);
      if (known && Number(known.version) > version) continue;
      this.rows.set(row.id, row);
      changed = true;
    }
    if (changed) this.revision.value = this.revision.peek() + 1;
  }

  /** Drop a row. One that only left the view may come again with the same version. */
  remove(id: string, version: number, { leftView = false } = {}): void {
    if (!leftView) this.deleted.set(id, version);
    if (this.rows.delete(id)) this.revision.value = this.revision.peek() + 1;
  }

  /** Load pages of rows. Rows of this kind that the answers lack, and that did not change while loading, are dropped. */
  async load(wanted: (row: T) => boolean, pages: AsyncIterable<T[]>): Promise<void> {
    const before = new Map([...this.rows.values()].filter(wanted).map((row) => [row.id, row]));
    for await (const page of pages) {
      this.put(...page);
      for (const row of page) before.delete(row.id);
    }
    for (const row of before.values()) {
      if (this.rows.get(row.id) === row) this.remove(row.id, Number(row.version), { leftView: true });
    }
  }

  clear(): void {
    this.rows.clear();
    this.deleted.clear();
    this.revision.value = this.revision.peek() + 1;
  }
}

export const tasks = new Collection<Task>();
export const projects = new Collection<Project>();
export const meetings = new Collection<Meeting>();
export const documents = new Collection<Document>();

export function clearStore(): void {
  for (const collection of [tasks, projects, meetings, documents]) collection.clear();
}
