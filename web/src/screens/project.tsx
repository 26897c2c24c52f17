import { useState } from "preact/hooks";
import { unwrap, type Project, type ProjectMember } from "@tandem/client";
import { mayEdit, mayManage } from "../api/roles.ts";
import { api } from "../api/session.ts";
import { fetchMembers, loadTasks } from "../api/lists.ts";
import { whenOpen } from "../live/feed.ts";
import { projects, tasks } from "../live/store.ts";
import { query } from "../router.ts";
import { TaskViews } from "../board/task-views.tsx";
import { label } from "../ui/format.ts";
import { Loaded, useLoad } from "../ui/load.tsx";
import { newTask } from "../ui/new-task.tsx";
import { DocumentsOf } from "./documents.tsx";
import { MeetingsOf } from "./meetings.tsx";
import { Avatar, Person, PersonPicker } from "../ui/people.tsx";
import { report } from "../ui/toasts.tsx";

const TABS = [["", "Tasks"], ["meetings", "Meetings"], ["drawings", "Drawings"], ["members", "Members"]] as const;
const ROLES = ["viewer", "editor", "manager"] as const;

export function ProjectScreen({ id }: { id: string }) {
  const loading = useLoad(async () => {
    await whenOpen();
    projects.put(await unwrap(api.GET("/api/v1/projects/{project_id}", { params: { path: { project_id: id } } })));
  }, [id]);
  const project = projects.get(id);
  const tab = query.value.get("tab") ?? "";
  return (
    <Loaded of={loading}>
      {project && (
        <>
          <header class="row">
            <h1>{project.name}</h1>
            {project.status === "archived" && <span class="tag">Archived</span>}
            {tab === "" && mayEdit(project) && <button class="primary" onClick={() => newTask(id)}>New task</button>}
          </header>
          <nav class="tabs" aria-label="Project">
            {TABS.map(([key, name]) => (
              <a key={key} href={`/projects/${id}${key && `?tab=${key}`}`} aria-current={tab === key ? "page" : undefined}>{name}</a>
            ))}
          </nav>
          {tab === "" && <ProjectTasks id={id} />}
          {tab === "meetings" && <MeetingsOf project={id} />}
          {tab === "drawings" && <DocumentsOf project={project} />}
          {tab === "members" && <Members project={project} />}
        </>
      )}
    </Loaded>
  );
}

function ProjectTasks({ id }: { id: string }) {
  const isOfProject = (task: { project_id: string }) => task.project_id === id;
  const loading = useLoad(() => loadTasks(isOfProject, { project_id: id }), [id]);
  return <Loaded of={loading}><TaskViews tasks={tasks.where(isOfProject)} project={id} /></Loaded>;
}

function Members({ project }: { project: Project }) {
  const [members, setMembers] = useState<ProjectMember[]>([]);
  const path = { project_id: project.id };
  const loading = useLoad(async () => setMembers(await fetchMembers(project.id)), [project.id, project.version]);
  const isManager = mayManage(project);

  async function write(call: Promise<unknown>) {
    try {
      await call;
    } catch (cause) {
      report(cause);
    }
    loading.again();
  }

  const setRole = (user_id: string, role: (typeof ROLES)[number]) =>
    write(unwrap(api.PATCH("/api/v1/projects/{project_id}/members/{user_id}", { params: { path: { ...path, user_id } }, body: { role } })));
  const add = (user_id: string) =>
    write(unwrap(api.POST("/api/v1/projects/{project_id}/members", { params: { path }, body: { user_id, role: "editor" } })));
  const remove = (user_id: string) =>
    write(unwrap(api.DELETE("/api/v1/projects/{project_id}/members/{user_id}", { params: { path: { ...path, user_id } } })));

  return (
    <Loaded of={loading}>
      <ul class="people">
        {members.map((member) => (
          <li key={member.user_id} class="row">
            <Avatar id={member.user_id} />
            <span class="grow"><Person id={member.user_id} /></span>
            {isManager
              ? (
                <>
                  <select aria-label="Role" value={member.role!} onChange={(event) => setRole(member.user_id, event.currentTarget.value as "viewer")}>
                    {ROLES.map((role) => <option key={role} value={role}>{label(role)}</option>)}
                  </select>
                  <button onClick={() => remove(member.user_id)}>Remove</button>
                </>
              )
              : <span class="tag">{label(member.role)}</span>}
          </li>
        ))}
      </ul>
      {isManager && <PersonPicker key={members.length} label="Add a member" none="Type a name" value="" onPick={(id) => id && void add(id)} />}
    </Loaded>
  );
}
