// The session of this page. The refresh token is in a cookie that scripts cannot read (docs/integrate/auth.md).
import { signal } from "@preact/signals";
import { createTandemClient, unwrap, Problem, type TokenPair, type User } from "@tandem/client";

/** `open`: a development server answers without credentials, as its administrator. */
type Kind = "starting" | "out" | "token" | "open";

export const kind = signal<Kind>("starting");
export const me = signal<User | null>(null);

const REMEMBERED = "tandem.session";
const COOKIE = { "X-Session": "cookie" };
const EARLY_MS = 30_000;

let access = "";
let expiresAt = 0;
/** Only on servers that know no browser sessions; then it is lost with the page. */
let refresh = "";
let renewing: Promise<boolean> | null = null;

const bare = createTandemClient({ baseUrl: "", token: () => null });
export const api = createTandemClient({ baseUrl: "", token: currentToken, renew });

/** Return an access token that is valid for a while, or null without a session. */
export async function currentToken(): Promise<string | null> {
  if (access && Date.now() > expiresAt - EARLY_MS) await renew();
  return access || null;
}

export async function start(): Promise<void> {
  const remembered = localStorage.getItem(REMEMBERED);
  if (remembered === "open") return enterOpen();
  if (remembered && (await renew())) await enter("token");
  else if (kind.value === "starting") kind.value = "out";
}

export async function signIn(email: string, password: string): Promise<void> {
  accept(await unwrap(bare.POST("/api/v1/auth/login", { body: { email, password }, headers: COOKIE })));
  await enter("token");
}

/** Whether this development server answers calls without credentials (config/web_app.py marks its pages). */
export const isOpenServer = "open" in document.documentElement.dataset;

export async function enterOpen(): Promise<void> {
  await enter("open").catch(() => leave());
}

export async function signOut(): Promise<void> {
  const ending = bare.POST("/api/v1/auth/logout", { body: { refresh_token: refresh }, headers: COOKIE });
  if (kind.value === "token") await unwrap(ending).catch(() => undefined);
  leave();
}

async function enter(as: "token" | "open"): Promise<void> {
  me.value = await unwrap(api.GET("/api/v1/users/{user_id}", { params: { path: { user_id: "me" } } }));
  localStorage.setItem(REMEMBERED, as);
  kind.value = as;
}

function leave(): void {
  access = refresh = "";
  me.value = null;
  localStorage.removeItem(REMEMBERED);
  kind.value = "out";
}

function accept(tokens: TokenPair): void {
  access = tokens.access_token;
  refresh = tokens.refresh_token;
  expiresAt = Date.now() + tokens.expires_in * 1000;
}

/** Get a new access token. The session has ended if the server refuses; without a connection it has not. */
async function renew(): Promise<boolean> {
  if (kind.value === "open") return false;
  renewing ??= oneAtATime(exchange).finally(() => (renewing = null));
  return renewing;
}

async function exchange(): Promise<boolean> {
  try {
    const body = { refresh_token: refresh };
    accept(await unwrap(bare.POST("/api/v1/auth/refresh", { body, headers: COOKIE })));
    return true;
  } catch (cause) {
    const over = cause instanceof Problem && (cause.status === 401 || cause.status === 400);
    if (over) leave();
    else if (kind.value === "starting") setTimeout(start, 2000);
    return false;
  }
}

/** A refresh token is for one use, and all tabs share it. Browsers have locks only on secure origins. */
async function oneAtATime(work: () => Promise<boolean>): Promise<boolean> {
  return navigator.locks ? await navigator.locks.request(REMEMBERED, work) : work();
}
