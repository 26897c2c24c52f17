// The session of this page. The refresh token is in a cookie that scripts cannot read (docs/integrate/auth.md).
import { signal } from "@preact/signals";
import { createTandemClient, unwrap, Problem, type TokenPair, type User } from "@tandem/client";

/** `open`: a development server answers without credentials, as its administrator. */
type Kind = "starting" | "out" | "token" | "open";

export const kind = signal<Kind>("starting");
export const me = signal<User | null>(null);
/** Whether the page waits for a server that does not answer, to take up its session. */
export const isWaiting = signal(false);

const REMEMBERED = "tandem.session";
/** Set from the sign-out until the server has ended the session. */
const LEAVING = "tandem.leaving";
const COOKIE = { "X-Session": "cookie" };
const EARLY_MS = 30_000;
const AGAIN_MS = 2000;
const PATIENCE_MS = 5000;

let access = "";
let expiresAt = 0;
/** Only on servers that know no browser sessions; then it is lost with the page. */
let refresh = "";
let renewing: Promise<boolean> | null = null;

const bare = createTandemClient({ baseUrl: "", token: () => null });
export const api = createTandemClient({ baseUrl: "", token: currentToken, renew });

/** Return an access token that is valid for a while, or null without a session. A call does not outlive its session. */
export async function currentToken(): Promise<string | null> {
  if (access && Date.now() > expiresAt - EARLY_MS) {
    await renew();
    if (!access) throw new Problem(401, "UNAUTHENTICATED", "Your session has ended. Sign in again.");
  }
  return access || null;
}

/** Take up the session of the browser; try until the server accepts or refuses it. */
export async function start(): Promise<void> {
  addEventListener("storage", leaveWithOtherTab);
  while (kind.value === "starting") {
    await takeUp().catch(leaveIfRefused);
    if (kind.value !== "starting") break;
    isWaiting.value = true;
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
  isWaiting.value = false;
}

async function takeUp(): Promise<void> {
  await endLeftSession();
  const remembered = localStorage.getItem(REMEMBERED);
  if (!remembered) leave();
  else if (remembered === "open") await enter("open");
  else if (access || (await renew())) await enter("token");
}

export async function signIn(email: string, password: string): Promise<void> {
  await endLeftSession();
  accept(await login(email, password));
  await enter("token");
}

function login(email: string, password: string): Promise<TokenPair> {
  return unwrap(bare.POST("/api/v1/auth/login", { body: { email, password }, headers: COOKIE }));
}

/** Change the password. As this ends all sessions, sign in again before anything else renews the old one. */
export async function changePassword(current_password: string, new_password: string): Promise<void> {
  const token = await currentToken();
  const changing = oneAtATime(async () => {
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    const call = { params: { path: { user_id: "me" } }, body: { current_password, new_password }, headers };
    await unwrap(bare.POST("/api/v1/users/{user_id}/password", call));
    if (kind.value === "token") accept(await login(me.value!.email, new_password));
    return true;
  });
  renewing = changing.catch(() => false).finally(() => (renewing = null));
  await changing;
}

/** Whether this development server answers calls without credentials (config/web_app.py marks its pages). */
export const isOpenServer = "open" in document.documentElement.dataset;

export async function enterOpen(): Promise<void> {
  await enter("open").catch(() => leave());
}

/** Return whether the server has ended the session; without a connection it does so later. */
export async function signOut(): Promise<boolean> {
  if (kind.value === "token") localStorage.setItem(LEAVING, "yes");
  const isEnded = await endLeftSession().then(() => true, () => false);
  leave();
  if (!isEnded) addEventListener("online", () => endLeftSession().catch(() => undefined), { once: true });
  return isEnded;
}

/** End the session that was left, if the server did not do so yet. */
function endLeftSession(): Promise<void> {
  return oneAtATime(async () => {
    if (!localStorage.getItem(LEAVING)) return;
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const ending = bare.POST("/api/v1/auth/logout", { body: { refresh_token: refresh }, headers: COOKIE, signal });
    await unwrap(ending).catch((cause) => {
      if (!isRefusal(cause)) throw cause;
    });
    localStorage.removeItem(LEAVING);
  });
}

async function enter(as: "token" | "open"): Promise<void> {
  me.value = await unwrap(api.GET("/api/v1/users/{user_id}", { params: { path: { user_id: "me" } } }));
  localStorage.setItem(REMEMBERED, as);
  kind.value = as;
}

function leave(): void {
  localStorage.removeItem(REMEMBERED);
  forget();
}

/** Leave in this tab alone. */
function forget(): void {
  access = refresh = "";
  me.value = null;
  kind.value = "out";
}

function leaveWithOtherTab(): void {
  const isIn = kind.value === "token" || kind.value === "open";
  if (isIn && !localStorage.getItem(REMEMBERED)) forget();
}

function leaveIfRefused(cause: unknown): void {
  if (!(cause instanceof Problem)) throw cause;
  if (isRefusal(cause)) leave();
}

/** Whether the server knows no such session; after other failures another try makes sense. */
function isRefusal(cause: unknown): boolean {
  return cause instanceof Problem && [400, 401, 403].includes(cause.status);
}

/** Keep new tokens. Those of another user, who signed in in another tab, are not used: the page begins anew as that user. */
function accept(tokens: TokenPair): boolean {
  if (me.value && subjectOf(tokens.access_token) !== me.value.id) {
    forget();
    location.reload();
    return false;
  }
  access = tokens.access_token;
  refresh = tokens.refresh_token;
  expiresAt = Date.now() + tokens.expires_in * 1000;
  return true;
}

function subjectOf(token: string): string {
  const claims = token.split(".")[1]!.replaceAll("-", "+").replaceAll("_", "/");
  return JSON.parse(atob(claims)).sub;
}

/** Get a new access token. The session has ended if the server refuses; without a connection it has not. */
export async function renew(): Promise<boolean> {
  if (kind.value === "open") {
    leave();
    return false;
  }
  if (kind.value === "out") return false;
  renewing ??= oneAtATime(exchange).finally(() => (renewing = null));
  return renewing;
}

async function exchange(): Promise<boolean> {
  try {
    const body = { refresh_token: refresh };
    return accept(await unwrap(bare.POST("/api/v1/auth/refresh", { body, headers: COOKIE })));
  } catch (cause) {
    if (isRefusal(cause)) leave();
    return false;
  }
}

/** A refresh token is for one use, and all tabs share it. Browsers have locks only on secure origins. */
async function oneAtATime<T>(work: () => Promise<T>): Promise<T> {
  return navigator.locks ? ((await navigator.locks.request(REMEMBERED, work)) as T) : work();
}
