// Resumable uploads (tus 1.0): in pieces, and after a break from where it ended.
import { Problem, problemOf } from "@tandem/client";
import { currentToken } from "./session.ts";

const PIECE_BYTES = 4 * 1024 * 1024;
const TRIES = 8;

export interface Uploaded {
  meetingId: string;
  documentId: string;
}

/** Upload a file. Lists in the metadata are sent as JSON. `onProgress` gets the share that is stored, 0 to 1. */
export async function upload(
  file: File,
  metadata: Record<string, string | string[]>,
  onProgress: (share: number) => void,
): Promise<Uploaded> {
  const all = { filename: file.name, filetype: file.type || "application/octet-stream", ...metadata };
  const encoded = Object.entries(all)
    .filter(([, value]) => value.length)
    .map(([name, value]) => `${name} ${base64(typeof value === "string" ? value : JSON.stringify(value))}`);
  const created = await send("POST", "/api/v1/uploads", {
    "Upload-Length": String(file.size),
    "Upload-Metadata": encoded.join(","),
  });
  const address = new URL(created.headers.get("Location")!, location.href).pathname;
  let answer = created;
  let offset = 0;
  let failures = 0;
  while (offset < file.size) {
    try {
      const headers = { "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream" };
      answer = await send("PATCH", address, headers, file.slice(offset, offset + PIECE_BYTES));
      offset = Number(answer.headers.get("Upload-Offset"));
      failures = 0;
      onProgress(offset / file.size);
    } catch (cause) {
      const problem = problemOf(cause);
      const passes = problem.reason === "OFFLINE" || [409, 423, 429, 503, 504].includes(problem.status);
      if (!passes || ++failures > TRIES) throw problem;
      await new Promise((resolve) => setTimeout(resolve, Math.min(500 * 2 ** failures, 10_000)));
      offset = await send("HEAD", address, {}).then((head) => Number(head.headers.get("Upload-Offset")), () => offset);
    }
  }
  return {
    meetingId: answer.headers.get("Tandem-Meeting-Id") ?? "",
    documentId: answer.headers.get("Tandem-Document-Id") ?? "",
  };
}

async function send(method: string, path: string, headers: Record<string, string>, body?: Blob): Promise<Response> {
  const token = await currentToken();
  const credentials: Record<string, string> = token ? { Authorization: `Bearer ${token}` } : {};
  let response;
  try {
    response = await fetch(path, { method, headers: { "Tus-Resumable": "1.0.0", ...credentials, ...headers }, body });
  } catch {
    throw problemOf(undefined);
  }
  if (!response.ok) throw (await response.json().then((document) => problemOf(document, response), () => problemOf(undefined, response))) as Problem;
  return response;
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
