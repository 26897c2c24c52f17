// What the user may do in a project, so that the page offers nothing that the server refuses.
import type { Project } from "@tandem/client";
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
