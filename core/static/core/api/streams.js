// Streams of answers: lines, server-sent events, and the frames of Connect.

/** Yield the lines of a body as they arrive. */
export async function* lines(body, separator = "\n") {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const parts = (rest + value).split(separator);
    rest = parts.pop();
    yield* parts.filter(Boolean);
  }
  if (rest.trim()) yield rest;
}

/** Yield server-sent events as {type, id, data}. Comments are left out, but for the reason of an end. */
export async function* events(body) {
  for await (const frame of lines(body, "\n\n")) {
    const fields = new Map(frame.split("\n").map((line) => {
      const at = line.indexOf(":");
      return [line.slice(0, at), line.slice(at + 1).trim()];
    }));
    if (fields.has("data")) yield { type: fields.get("event") ?? "message", id: fields.get("id") ?? "", data: fields.get("data") };
    else if (fields.get("")) yield { type: "comment", id: "", data: fields.get("") };
  }
}

/** Return a message as a frame of Connect. */
export function connectFrame(text) {
  const data = new TextEncoder().encode(text);
  const frame = new Uint8Array(5 + data.length);
  new DataView(frame.buffer).setUint32(1, data.length);
  frame.set(data, 5);
  return frame;
}

/** Yield the frames of an answer of Connect as {isEnd, text}. */
export async function* connectFrames(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = new Uint8Array(0);
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const all = new Uint8Array(rest.length + value.length);
    all.set(rest);
    all.set(value, rest.length);
    rest = all;
    while (rest.length >= 5) {
      const size = new DataView(rest.buffer, rest.byteOffset).getUint32(1);
      if (rest.length < 5 + size) break;
      yield { isEnd: Boolean(rest[0] & 2), text: decoder.decode(rest.subarray(5, 5 + size)) };
      rest = rest.subarray(5 + size);
    }
  }
}
