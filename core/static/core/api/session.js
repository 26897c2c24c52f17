// The credentials of the calls of a page: the browser's session, a pasted token, or none.
// The session is that of the web app: its refresh token is in a cookie that scripts cannot read.
import { element, labelled } from "./dom.js";

const REMEMBERED = "tandem.session";
const JSON_HEADERS = { "Content-Type": "application/json", "X-Session": "cookie" };
const EARLY_MS = 30_000;

/** Whether this development server answers calls without credentials. */
export const isOpen = "open" in document.documentElement.dataset;

let access = "";
let expiresAt = 0;
let pasted = "";
let renewing = null;

/** Return the headers that a call needs. */
export async function authorization() {
  const token = await currentToken();
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/** Return whether calls are sent with a token. */
export function hasToken() {
  return Boolean(pasted || access);
}

async function currentToken() {
  if (pasted) return pasted;
  if (localStorage.getItem(REMEMBERED) === "token" && Date.now() > expiresAt - EARLY_MS) {
    renewing ??= oneAtATime(() => exchange("refresh", { refresh_token: "" })).finally(() => (renewing = null));
    await renewing.catch(forget);
  }
  return access;
}

/** A refresh token is for one use, and all tabs share it. */
function oneAtATime(work) {
  return navigator.locks ? navigator.locks.request(REMEMBERED, work) : work();
}

async function exchange(operation, body) {
  const response = await fetch(`/api/v1/auth/${operation}`, {
    method: "POST",
    headers: JSON_HEADERS,
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.detail || `The server answered ${response.status}.`);
  access = answer.access_token;
  expiresAt = Date.now() + answer.expires_in * 1000;
  localStorage.setItem(REMEMBERED, "token");
}

function forget() {
  access = pasted = "";
  if (localStorage.getItem(REMEMBERED) === "token") localStorage.removeItem(REMEMBERED);
}

async function signOut() {
  if (access) {
    await fetch("/api/v1/auth/logout", { method: "POST", headers: JSON_HEADERS, body: '{"refresh_token": ""}' });
  }
  forget();
}

async function nameOfCaller() {
  const response = await fetch("/api/v1/users/me", { headers: await authorization() });
  if (!response.ok) return "";
  const me = await response.json();
  return me.display_name || me.email;
}

/** Show who calls, and offer to sign in or out. `onChange` is called after each change. */
export async function showSession(place, onChange) {
  const name = await nameOfCaller().catch(() => "");
  const refresh = () => showSession(place, onChange).then(onChange);
  const status = element("span", { class: "caller", role: "status" }, stateOf(name));
  if (hasToken()) {
    const leave = () => signOut().then(refresh);
    place.replaceChildren(status, " ", element("button", { type: "button", class: "quiet", click: leave }, "Sign out"));
    return;
  }
  place.replaceChildren(status, " ", element("details", { class: "sign-in" }, element("summary", {}, "Sign in"), forms(refresh)));
}

function stateOf(name) {
  if (hasToken()) return name ? `Calls act as ${name}.` : "The token is not accepted for /users/me.";
  if (isOpen && name) return `Calls without a token act as ${name} on this development server.`;
  return "Calls are sent without credentials.";
}

function forms(done) {
  const email = element("input", { type: "email", autocomplete: "username", required: true });
  const password = element("input", { type: "password", autocomplete: "current-password", required: true });
  const token = element("input", { type: "password", autocomplete: "off", required: true });
  const failure = element("p", { class: "error", role: "alert" });
  const enter = (work) => async (event) => {
    event.preventDefault();
    failure.textContent = "";
    await work().then(done, (error) => (failure.textContent = error.message));
  };
  const signIn = () => oneAtATime(() => exchange("login", { email: email.value, password: password.value }));
  const paste = async () => { pasted = token.value.trim(); };
  return element("div", { class: "sign-in-forms" },
    element("form", { submit: enter(signIn) }, labelled("E-mail", email), labelled("Password", password), element("button", {}, "Sign in")),
    element("form", { submit: enter(paste) },
      labelled("Token", token, "An access token or an API key. This page keeps it until it is closed."),
      element("button", {}, "Use the token")),
    failure);
}
