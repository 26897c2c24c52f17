// Single lines of a transcript.
import { unwrap, type Segment } from "@tandem/client";
import { api } from "./session.ts";

/** Return a segment as it is at the server, or null if the transcript has it no more. Version 0 is the current transcript. */
export async function findSegment(meeting_id: string, id: string, transcript_version = 0): Promise<Segment | null> {
  let page_token = "";
  do {
    const params = { path: { meeting_id }, query: { transcript_version, page_size: 100, page_token } };
    const page = await unwrap(api.GET("/api/v1/meetings/{meeting_id}/transcript", { params }));
    const found = page.segments.find((segment) => segment.id === id);
    if (found) return found;
    page_token = page.next_page_token;
  } while (page_token);
  return null;
}
