// What the user may do in a project, so that the page offers nothing that the server refuses.
import type { Meeting, Project } from "@tandem/client";
import { projects } from "../live/store.ts";
import { me } from "./session.ts";

export function isAdministrator(): boolean {
  return me.value?.roles.includes("admin") ?? false;
}

export function mayEdit(project: Project): boolean {
  return project.status === "active" && (project.my_role === "editor" || mayManage(project));
}

export function mayManage(project: Project): boolean {
  return project.my_role === "manager" || isAdministrator();
}

/** Owner, editors of its project, and administrators; see docs/integrate/meetings.md. */
export function mayChangeMeeting(meeting: Meeting): boolean {
  const project = projects.get(meeting.project_id);
  return meeting.owner === me.value?.id || isAdministrator() || (!!project && mayEdit(project));
}
