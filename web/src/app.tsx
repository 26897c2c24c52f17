import type { ComponentType } from "preact";
import { effect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { isWaiting, kind } from "./api/session.ts";
import { startFeed, stopFeed } from "./live/feed.ts";
import { stopRecording } from "./live/recorder.ts";
import { clearStore } from "./live/store.ts";
import { match, path, query } from "./router.ts";
import { Layout } from "./layout.tsx";
import { SignIn } from "./screens/sign-in.tsx";
import { SignUp } from "./screens/sign-up.tsx";
import { ForgotPassword, ResetPassword, VerifyEmail } from "./screens/mails.tsx";
import { DocumentScreen } from "./screens/document.tsx";
import { Me } from "./screens/me.tsx";
import { MeetingScreen } from "./screens/meeting.tsx";
import { Meetings } from "./screens/meetings.tsx";
import { ProjectScreen } from "./screens/project.tsx";
import { Projects } from "./screens/projects.tsx";
import { TaskScreen } from "./screens/task.tsx";
import { Tasks } from "./screens/tasks.tsx";
import { Today } from "./screens/today.tsx";
import { NotFound } from "./ui/load.tsx";
import { Toasts } from "./ui/toasts.tsx";

// Each screen takes the parts of the path that its pattern names.
type Screen = ComponentType<any>;

/** Screens for everybody, and those of a session. The server knows these paths too (config/web_app.py). */
const OPEN: [string, string, Screen][] = [
  ["/sign-in", "Sign in", SignIn],
  ["/sign-up", "Sign up", SignUp],
  ["/forgot-password", "Forgotten password", ForgotPassword],
  ["/reset-password", "New password", ResetPassword],
  ["/verify-email", "Confirm your address", VerifyEmail],
];
const OF_SESSION: [string, string, Screen][] = [
  ["/", "Today", Today],
  ["/tasks", "Tasks", Tasks],
  ["/tasks/:id", "Task", TaskScreen],
  ["/projects", "Projects", Projects],
  ["/projects/:id", "Project", ProjectScreen],
  ["/meetings", "Meetings", Meetings],
  ["/meetings/:id", "Meeting", MeetingScreen],
  ["/documents/:id", "Drawing", DocumentScreen],
  ["/me", "Me", Me],
];

effect(() => {
  if (kind.value === "token" || kind.value === "open") startFeed();
  else if (kind.value === "out") {
    stopRecording();
    stopFeed();
    clearStore();
  }
});

export function App() {
  return (
    <>
      <Page />
      <Toasts />
    </>
  );
}

function Page() {
  const open = find(OPEN);
  if (open) return <main class="narrow" id="main">{open}</main>;
  if (kind.value === "starting") return <main id="main" aria-busy="true"><p class="loading" role="status">{isWaiting.value ? "The server cannot be reached. This page opens when it answers." : "Loading …"}</p></main>;
  if (kind.value === "out") return <main class="narrow" id="main"><SignIn next={path.value + (query.value.size ? `?${query.value}` : "")} /></main>;
  return <Layout>{find(OF_SESSION) ?? <NotFound />}</Layout>;
}

function find(screens: [string, string, Screen][]) {
  for (const [pattern, title, Screen] of screens) {
    const values = match(pattern, path.value);
    if (values) return <Titled key={pattern + Object.values(values)} title={title}><Screen {...values} /></Titled>;
  }
  return null;
}

function Titled({ title, children }: { title: string; children: preact.ComponentChildren }) {
  useEffect(() => void (document.title = `${title} · Tandem`), []);
  return <>{children}</>;
}
