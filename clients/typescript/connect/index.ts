// The rpcs of Tandem over Connect, which the HTTP port serves (docs/integrate/web.md). Messages are in `../gen`.
import { Code, ConnectError, createClient, type Client, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { AuthService } from "../gen/tandem/auth/v1/auth_pb.js";
import { ChangeService, type Change, type WatchChangesRequest } from "../gen/tandem/change/v1/change_pb.js";
import { DrawingService } from "../gen/tandem/drawing/v1/drawing_pb.js";
import { MeetingService } from "../gen/tandem/meeting/v1/meeting_pb.js";
import { ProjectService } from "../gen/tandem/project/v1/project_pb.js";
import { TaskService } from "../gen/tandem/task/v1/task_pb.js";
import { UserService } from "../gen/tandem/user/v1/user_pb.js";

export interface ConnectOptions {
  /** Address of the server, without a slash at the end. */
  baseUrl: string;
  /** Returns the access token or API key of the next call, or null for a call without credentials. */
  token?: () => string | null | Promise<string | null>;
}

export interface Clients {
  auth: Client<typeof AuthService>;
  changes: Client<typeof ChangeService>;
  drawings: Client<typeof DrawingService>;
  meetings: Client<typeof MeetingService>;
  projects: Client<typeof ProjectService>;
  tasks: Client<typeof TaskService>;
  users: Client<typeof UserService>;
  /** For clients of further services. */
  transport: Transport;
}

/** Return a client of each service of the server at this address. */
export function connect({ baseUrl, token }: ConnectOptions): Clients {
  const authorize: Interceptor = (next) => async (request) => {
    const value = await token?.();
    if (value) request.header.set("Authorization", `Bearer ${value}`);
    return next(request);
  };
  const transport = createConnectTransport({ baseUrl, interceptors: [authorize], fetch: fetchUntilAborted });
  return {
    auth: createClient(AuthService, transport),
    changes: createClient(ChangeService, transport),
    drawings: createClient(DrawingService, transport),
    meetings: createClient(MeetingService, transport),
    projects: createClient(ProjectService, transport),
    tasks: createClient(TaskService, transport),
    users: createClient(UserService, transport),
    transport,
  };
}

/**
 * Fetch, and close the connection when the signal ends the call. The fetch of Node alone forgets the signal once its
 * request is garbage, during the body: an ended watch would keep its connection, and the process.
 */
async function fetchUntilAborted(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const response = await fetch(input, init);
  if (!response.body || !init?.signal) return response;
  return new Response(response.body.pipeThrough(new TransformStream(), { signal: init.signal }), response);
}

/** Field → what is wrong with it, of a failed call. */
export function fieldErrors(error: unknown): Record<string, string> {
  const found: Record<string, string> = {};
  for (const detail of ConnectError.from(error).details) {
    const shown = "debug" in detail ? (detail.debug as { fieldViolations?: { field: string; description: string }[] }) : {};
    for (const { field, description } of shown?.fieldViolations ?? []) found[field] = description;
  }
  return found;
}

const START_OVER = [Code.InvalidArgument, Code.OutOfRange, Code.FailedPrecondition];
const GIVE_UP = [Code.Unauthenticated, Code.PermissionDenied, Code.Unimplemented, ...START_OVER];

export interface WatchOptions {
  /** Ends the iteration. */
  signal: AbortSignal;
  /** The cursor of an earlier watch; empty = begin with the initial state. */
  cursor?: string;
  /** Called before the initial state comes anew: discard the copy. */
  reset?: () => void;
}

/** Yield changes without a gap: the stream is opened again from its last cursor until the signal ends the iteration. */
export async function* watch(
  changes: Client<typeof ChangeService>,
  request: Partial<Pick<WatchChangesRequest, "subjectTypes">>,
  { signal, cursor = "", reset = () => undefined }: WatchOptions,
): AsyncGenerator<Change> {
  for (let failures = 0; !signal.aborted; failures += 1) {
    try {
      const from = cursor ? { cursor } : { includeInitial: true };
      for await (const change of changes.watchChanges({ ...request, ...from, bookmarks: true }, { signal })) {
        cursor = change.cursor || cursor;
        failures = 0;
        yield change;
      }
    } catch (error) {
      const { code } = ConnectError.from(error);
      if (signal.aborted) return;
      if (cursor && START_OVER.includes(code)) {
        cursor = "";
        reset();
        continue;
      }
      if (GIVE_UP.includes(code)) throw error;
    }
    await new Promise((resume) => setTimeout(resume, Math.min(500 * 2 ** failures, 10_000) * (0.5 + Math.random())));
  }
}
