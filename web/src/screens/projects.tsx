import { useState } from "preact/hooks";
import { unwrap, type Project } from "@tandem/client";
import { api } from "../api/session.ts";
import { loadProjects } from "../api/lists.ts";
import { projects } from "../live/store.ts";
import { navigate } from "../router.ts";
import { Dialog } from "../ui/dialog.tsx";
import { Field, Form } from "../ui/form.tsx";
import { label } from "../ui/format.ts";
import { Loaded, useLoad } from "../ui/load.tsx";

export function Projects() {
  const loading = useLoad(loadProjects, []);
  const [isMaking, setMaking] = useState(false);
  const rows = projects.where(() => true).sort((a, b) => a.name.localeCompare(b.name));
  const [active, archived] = [rows.filter(isActive), rows.filter((project) => !isActive(project))];
  return (
    <>
      <header class="row"><h1>Projects</h1><button class="primary" onClick={() => setMaking(true)}>New project</button></header>
      <Loaded of={loading}>
        {active.length ? <Cards rows={active} /> : <p class="empty">There is no project yet. A project is what a team shares: tasks, meetings and drawings.</p>}
        {archived.length > 0 && <><h2>Archived</h2><Cards rows={archived} /></>}
      </Loaded>
      {isMaking && <NewProject onClose={() => setMaking(false)} />}
    </>
  );
}

function isActive(project: Project): boolean {
  return project.status === "active";
}

function Cards({ rows }: { rows: Project[] }) {
  return (
    <ul class="project-cards">
      {rows.map((project) => (
        <li key={project.id}>
          <a href={`/projects/${project.id}`}>
            <strong>{project.name}</strong>
            <span class="muted">{[project.number, project.client].filter(Boolean).join(" · ")}</span>
            {project.my_role && <span class="tag">{label(project.my_role)}</span>}
          </a>
        </li>
      ))}
    </ul>
  );
}

function NewProject({ onClose }: { onClose: () => void }) {
  async function create({ name, number, client, description }: Record<string, string>) {
    const project = await unwrap(api.POST("/api/v1/projects", { body: { name: name!, number, client, description } }));
    projects.put(project);
    navigate(`/projects/${project.id}`);
  }
  return (
    <Dialog title="New project" onClose={onClose}>
      <Form submit="Create" fields={["name", "number", "client", "description"]} action={create}>
        {(problem) => (
          <>
            <Field label="Name" name="name" autofocus problem={problem} />
            <Field label="Number" name="number" problem={problem} />
            <Field label="Client" name="client" problem={problem} />
            <Field label="Description" name="description" multiline problem={problem} />
          </>
        )}
      </Form>
    </Dialog>
  );
}
