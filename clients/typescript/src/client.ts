import createClient, { type Client } from "openapi-fetch";
import type { paths } from "./schema.d.ts";

export interface Options {
  /** Address of the server, without a slash at the end; empty = the origin of the page. */
  baseUrl: string;
  /** Returns the access token of the next call, or null for a call without credentials. */
  token: () => string | null | Promise<string | null>;
  /** Called when a token was refused. Returns whether the call is worth a second try. */
  renew?: () => Promise<boolean>;
}

export type TandemClient = Client<paths>;

/** Return a client whose calls carry the token, and are repeated once after it was renewed. */
export function createTandemClient({ baseUrl, token, renew }: Options): TandemClient {
  async function send(request: Request): Promise<Response> {
    const again = renew ? request.clone() : null;
    const response = await fetch(await authorized(request));
    if (response.status !== 401 || !again || !again.headers.has("Authorization") && !(await token())) return response;
    return (await renew!()) ? fetch(await authorized(again)) : response;
  }

  async function authorized(request: Request): Promise<Request> {
    const value = await token();
    if (value) request.headers.set("Authorization", `Bearer ${value}`);
    return request;
  }

  return createClient<paths>({ baseUrl, fetch: send });
}
