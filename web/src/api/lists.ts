// Lists of the API, page by page.
import { unwrap, type Document, type Meeting, type Project, type Task } from "@tandem/client";
import type { operations } from "@tandem/client";
import { documents, meetings, projects, tasks } from "../live/store.ts";
import { whenOpen } from "../live/feed.ts";
import { api } from "./session.ts";

type TaskFilter = NonNullable<operations["TaskService_ListTasks"]["parameters"]["query"]>;

const PAGE = 100;

async function* pagesOf<T>(page: (token: string) => Promise<{ rows: T[]; next: string }>, most = Infinity): AsyncGenerator<T[]> {
  await whenOpen();
  let token = "";
  let count = 0;
  do {
    const { rows, next } = await page(token);
    yield rows;
    count += rows.length;
    token = next;
  } while (token && count < most);
}

export function loadTasks(wanted: (task: Task) => boolean, filter: TaskFilter): Promise<void> {
  const pages = pagesOf(async (page_token) => {
    const query = { ...filter, page_size: PAGE, page_token };
    const found = await unwrap(api.GET("/api/v1/tasks", { params: { query } }));
    return { rows: found.tasks, next: found.next_page_token };
  });
  return tasks.load(wanted, pages);
}

export function loadProjects(): Promise<void> {
  const pages = pagesOf<Project>(async (page_token) => {
    const found = await unwrap(api.GET("/api/v1/projects", { params: { query: { page_size: PAGE, page_token } } }));
    return { rows: found.projects, next: found.next_page_token };
  });
  return projects.load(() => true, pages);
}

/** Load the newest meetings. */
export function loadMeetings(wanted: (meeting: Meeting) => boolean, project_id = "", most = 300): Promise<void> {
  const pages = pagesOf<Meeting>(async (page_token) => {
    const query = { page_size: PAGE, page_token, project_id };
    const found = await unwrap(api.GET("/api/v1/meetings", { params: { query } }));
    return { rows: found.meetings, next: found.next_page_token };
  }, most);
  return meetings.load(wanted, pages);
}

export function loadDocuments(project_id: string): Promise<void> {
  const pages = pagesOf<Document>(async (page_token) => {
    const params = { path: { project_id }, query: { page_size: PAGE, page_token } };
    const found = await unwrap(api.GET("/api/v1/projects/{project_id}/documents", { params }));
    return { rows: found.documents, next: found.next_page_token };
  });
  return documents.load((document) => document.project_id === project_id, pages);
}

/** Return an address with a ticket, for elements that send no header: audio, images, downloads. */
export async function withTicket(path: string, query = ""): Promise<string> {
  const { ticket } = await unwrap(api.POST("/api/v1/auth/stream-tickets", { body: { path } }));
  return `${path}?${query ? `${query}&` : ""}ticket=${encodeURIComponent(ticket)}`;
}
