// Lists of the API, page by page.
import {
  unwrap, type Component, type Document, type DrawingPage, type DrawingSymbol, type Meeting, type Project, type ProjectMember, type Task,
} from "@tandem/client";
import type { operations } from "@tandem/client";
import { documents, meetings, projects, tasks } from "../live/store.ts";
import { whenOpen } from "../live/feed.ts";
import { api } from "./session.ts";

type TaskFilter = NonNullable<operations["TaskService_ListTasks"]["parameters"]["query"]>;

const PAGE = 100;
/** So many of the newest meetings are shown; the others are found by their titles. */
export const MAX_MEETINGS = 300;

type FetchPage<T> = (token: string) => Promise<{ rows: T[]; next: string }>;

async function* pagesOf<T>(page: FetchPage<T>, most = Infinity): AsyncGenerator<T[]> {
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

async function allOf<T>(page: FetchPage<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const rows of pagesOf(page)) all.push(...rows);
  return all;
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
export function loadMeetings(wanted: (meeting: Meeting) => boolean, project_id = "", most = MAX_MEETINGS): Promise<void> {
  return meetings.load(wanted, meetingPages({ project_id }, most));
}

/** Find the newest meetings by beginnings of words in their titles, and return their ids. */
export async function findMeetings(query: string, project_id: string): Promise<string[]> {
  const ids: string[] = [];
  for await (const rows of meetingPages({ query, project_id }, MAX_MEETINGS)) {
    meetings.put(...rows);
    ids.push(...rows.map(({ id }) => id));
  }
  return ids;
}

function meetingPages(filter: { query?: string; project_id: string }, most: number): AsyncGenerator<Meeting[]> {
  return pagesOf(async (page_token) => {
    const found = await unwrap(api.GET("/api/v1/meetings", { params: { query: { ...filter, page_size: PAGE, page_token } } }));
    return { rows: found.meetings, next: found.next_page_token };
  }, most);
}

export function loadDocuments(project_id: string): Promise<void> {
  const pages = pagesOf<Document>(async (page_token) => {
    const params = { path: { project_id }, query: { page_size: PAGE, page_token } };
    const found = await unwrap(api.GET("/api/v1/projects/{project_id}/documents", { params }));
    return { rows: found.documents, next: found.next_page_token };
  });
  return documents.load((document) => document.project_id === project_id, pages);
}

export function fetchSheets(document_id: string): Promise<DrawingPage[]> {
  return allOf(async (page_token) => {
    const params = { path: { document_id }, query: { page_size: PAGE, page_token } };
    const found = await unwrap(api.GET("/api/v1/documents/{document_id}/pages", { params }));
    return { rows: found.pages, next: found.next_page_token };
  });
}

export function fetchComponents({ id, project_id }: Document, page_number: number): Promise<Component[]> {
  return allOf(async (page_token) => {
    const query = { document_id: id, page_number, page_size: PAGE, page_token };
    const found = await unwrap(api.GET("/api/v1/projects/{project_id}/components", { params: { path: { project_id }, query } }));
    return { rows: found.components, next: found.next_page_token };
  });
}

export function fetchSymbols(project_id: string): Promise<DrawingSymbol[]> {
  return allOf(async (page_token) => {
    const params = { path: { project_id }, query: { page_size: PAGE, page_token } };
    const found = await unwrap(api.GET("/api/v1/projects/{project_id}/symbols", { params }));
    return { rows: found.symbols, next: found.next_page_token };
  });
}

export function fetchMembers(project_id: string): Promise<ProjectMember[]> {
  return allOf(async (page_token) => {
    const params = { path: { project_id }, query: { page_size: PAGE, page_token } };
    const found = await unwrap(api.GET("/api/v1/projects/{project_id}/members", { params }));
    return { rows: found.members, next: found.next_page_token };
  });
}

/** Return an address with a ticket, for elements that send no header: audio, images, downloads. */
export async function withTicket(path: string, query = ""): Promise<string> {
  const { ticket } = await unwrap(api.POST("/api/v1/auth/stream-tickets", { body: { path } }));
  return `${path}?${query ? `${query}&` : ""}ticket=${encodeURIComponent(ticket)}`;
}
