import { useState } from "preact/hooks";
import { unwrap, type ApiKey, type Preferences, type Session } from "@tandem/client";
import { api, changePassword, kind, me, signOut } from "../api/session.ts";
import { nameOf } from "../api/people.ts";
import { navigate } from "../router.ts";
import { Field, Form } from "../ui/form.tsx";
import { date, label, time } from "../ui/format.ts";
import { Loaded, useLoad } from "../ui/load.tsx";
import { report, say } from "../ui/toasts.tsx";

const MINE = { path: { user_id: "me" } };
/** What an API key may do; docs/integrate/auth.md. The scope of credentials is for service accounts. */
const AREAS = ["users", "projects", "tasks", "meetings", "drawings"];
const SCOPES = [...AREAS.flatMap((area) => [`${area}:read`, `${area}:write`]), "changes:read"];

export function Me() {
  const [passwords, setPasswords] = useState(0);
  async function leave() {
    const isEnded = await signOut();
    navigate("/sign-in");
    if (!isEnded) say("You are signed out of this browser. The server ends your session when there is a connection again.", "problem");
  }
  return (
    <>
      <header class="row">
        <h1>{nameOf(me.value!)}</h1>
        <a class="button" href="/api/v1/docs">API</a>
        {me.value!.roles.includes("admin") && <a class="button" href="/admin/">Admin site</a>}
        <button onClick={leave}>Sign out</button>
      </header>
      <div class="halves">
        <Profile />
        <Password key={`password-${passwords}`} onDone={() => setPasswords(passwords + 1)} />
        {kind.value === "token" && <Sessions key={`sessions-${passwords}`} />}
        {kind.value === "token" && <Keys />}
        <PreferencesOf />
      </div>
    </>
  );
}

function Profile() {
  const user = me.value!;
  async function save({ display_name, email, timezone }: Record<string, string>) {
    const body = { display_name, ...(email !== user.email && { email }) };
    me.value = await unwrap(api.PATCH("/api/v1/users/{user_id}", { params: MINE, body }));
    me.value = await unwrap(api.PATCH("/api/v1/users/{user_id}/profile", { params: MINE, body: { timezone } }));
    say(email === user.email ? "Saved." : "Saved. The new address counts once it is confirmed by the mail that was sent to it.");
  }
  async function verify() {
    await unwrap(api.POST("/api/v1/users/{user_id}/email-verification", { params: MINE })).then(({ message }) => say(message), report);
  }
  const zone = user.profile?.timezone || Intl.DateTimeFormat().resolvedOptions().timeZone;
  return (
    <section class="box" aria-label="Profile">
      <h2>Profile</h2>
      {!user.email_verified && <p class="note row">Your e-mail address is not confirmed. <button onClick={verify}>Send the mail</button></p>}
      <Form submit="Save" fields={["display_name", "email", "timezone"]} action={save}>
        {(problem) => (
          <>
            <Field label="Name" name="display_name" defaultValue={user.display_name} autocomplete="name" problem={problem} />
            <Field label="E-mail" name="email" type="email" defaultValue={user.email} autocomplete="email" problem={problem} />
            <Field label="Time zone" name="timezone" defaultValue={zone} hint="Days like “by Friday” are counted in it" problem={problem} />
          </>
        )}
      </Form>
    </section>
  );
}

function Password({ onDone }: { onDone: () => void }) {
  async function save({ current_password, new_password }: Record<string, string>) {
    await changePassword(current_password!, new_password!);
    say("The password is changed. Your other sessions have ended.");
    onDone();
  }
  return (
    <section class="box" aria-label="Password">
      <h2>Password</h2>
      <Form submit="Change" fields={["current_password", "new_password"]} action={save}>
        {(problem) => (
          <>
            <input type="hidden" autocomplete="username" value={me.value!.email} />
            <Field label="Current password" name="current_password" type="password" autocomplete="current-password" problem={problem} />
            <Field label="New password" name="new_password" type="password" autocomplete="new-password" hint="At least 10 characters" problem={problem} />
          </>
        )}
      </Form>
    </section>
  );
}

function Sessions() {
  const [sessions, setSessions] = useState<Session[]>([]);
  const loading = useLoad(async () => setSessions((await unwrap(api.GET("/api/v1/auth/sessions"))).sessions), []);
  async function end(session_id: string) {
    await unwrap(api.DELETE("/api/v1/auth/sessions/{session_id}", { params: { path: { session_id } } })).catch(report);
    loading.again();
  }
  return (
    <section class="box" aria-label="Sessions">
      <h2>Sessions</h2>
      <Loaded of={loading}>
        <ul class="people">
          {sessions.map((session) => (
            <li key={session.id} class="row">
              <span class="grow">{browserOf(session.user_agent)} <span class="muted">{session.ip}, last used {time(session.last_used_at ?? session.created_at)}</span></span>
              {session.current ? <span class="tag">This one</span> : <button onClick={() => end(session.id)}>End</button>}
            </li>
          ))}
        </ul>
      </Loaded>
    </section>
  );
}

function browserOf(agent: string): string {
  const browser = /(Firefox|Edg|Chrome|Safari|curl)\/?/.exec(agent)?.[1] ?? "A program";
  const system = /(Windows|Android|iPhone|iPad|Mac OS X|Linux)/.exec(agent)?.[1] ?? "";
  return system ? `${browser.replace("Edg", "Edge")} on ${system}` : browser;
}

function Keys() {
  const [keys, setKeys] = useState<ApiKey[]>([]);
  const [secret, setSecret] = useState("");
  const loading = useLoad(async () => setKeys((await unwrap(api.GET("/api/v1/auth/api-keys"))).api_keys), []);

  async function create(values: Record<string, string>) {
    const scopes = SCOPES.filter((scope) => values[scope]);
    const expires_at = values.expires_at ? new Date(`${values.expires_at}T23:59:59`).toISOString() : null;
    const made = await unwrap(api.POST("/api/v1/auth/api-keys", { body: { name: values.name!, scopes, expires_at } }));
    setSecret(made.secret);
    loading.again();
  }
  async function revoke(id: string) {
    await unwrap(api.DELETE("/api/v1/auth/api-keys/{id}", { params: { path: { id } } })).catch(report);
    loading.again();
  }

  return (
    <section class="box" aria-label="API keys">
      <h2>API keys</h2>
      <p class="muted">For programs that act for you.</p>
      {secret && <p class="note" role="status">Copy the key now; it is not shown again:<br /><code>{secret}</code></p>}
      <Loaded of={loading}>
        <ul class="people">
          {keys.map((key) => (
            <li key={key.id} class="row">
              <span class="grow">{key.name} <span class="muted">{key.scopes.join(" ")}{key.expires_at && `, until ${date(key.expires_at)}`}</span></span>
              <button onClick={() => revoke(key.id)}>Revoke</button>
            </li>
          ))}
        </ul>
      </Loaded>
      <details>
        <summary>New key</summary>
        <Form key={keys.length} submit="Create the key" fields={["name", "expires_at"]} action={create}>
          {(problem) => (
            <>
              <Field label="Name" name="name" problem={problem} />
              <Field label="Valid until" name="expires_at" type="date" hint="Empty = for ever" problem={problem} />
              <fieldset>
                <legend>It may</legend>
                {SCOPES.map((scope) => <label key={scope} class="check-line"><input type="checkbox" name={scope} />{scope}</label>)}
              </fieldset>
            </>
          )}
        </Form>
      </details>
    </section>
  );
}

/** The groups of preferences that concern a team; the contract has others of a shop. */
const GROUPS = [["email", ["security_alerts", "newsletter"]], ["privacy", ["public_profile", "searchable", "show_online_status", "share_activity"]]] as const;

function PreferencesOf() {
  const [preferences, setPreferences] = useState<Preferences | null>(null);
  const loading = useLoad(async () => setPreferences(await unwrap(api.GET("/api/v1/users/{user_id}/preferences", { params: MINE }))), []);
  async function set(group: "email" | "privacy", name: string, value: boolean) {
    const body = { [group]: { [name]: value } };
    await unwrap(api.PATCH("/api/v1/users/{user_id}/preferences", { params: MINE, body })).then(setPreferences, report);
  }
  return (
    <section class="box" aria-label="Preferences">
      <h2>Preferences</h2>
      <Loaded of={loading}>
        {GROUPS.map(([group, names]) => (
          <fieldset key={group}>
            <legend>{label(group)}</legend>
            {names.map((name) => (
              <label key={name} class="check-line">
                <input type="checkbox" checked={(preferences?.[group] as Record<string, boolean> | null)?.[name] ?? false} onChange={(event) => set(group, name, event.currentTarget.checked)} />
                {label(name)}
              </label>
            ))}
          </fieldset>
        ))}
      </Loaded>
    </section>
  );
}
