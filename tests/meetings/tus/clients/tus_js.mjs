// tus-js-client, set up as its documentation shows, in Node.js.
//
// node tus_js.mjs SCENARIO ENDPOINT AUTHORIZATION FILE [STORE]: prints what happened as JSON, in one line.
// STORE: a file in which the client keeps the URLs of uploads that may go on.
import { createReadStream, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { Readable } from "node:stream";
import * as tus from "tus-js-client";

const [scenario, endpoint, authorization, file, store] = process.argv.slice(2);
const PIECE = 64 * 1024;

const options = {
  endpoint,
  retryDelays: [0, 200, 500, 1000, 2000, 5000],
  headers: { Authorization: authorization },
  metadata: { filename: "talk.wav", filetype: "audio/wav" },
  uploadSize: statSync(file).size,
};

if (store) {
  if (!existsSync(store)) writeFileSync(store, "{}");
  options.urlStorage = new tus.FileUrlStorage(store);
  options.fingerprint = async () => "talk";
}

/** Sends a source, and resolves with what came of it; `each` is called as it gets further. */
function send(source, more, each = () => {}) {
  const requests = [];
  return new Promise((resolve) => {
    const upload = new tus.Upload(source, {
      ...options,
      ...more,
      onAfterResponse: (request, response) => {
        requests.push(`${request.getMethod()} ${response.getStatus()}`);
      },
      onError: (error) => resolve({ error: error.message, url: upload.url, requests }),
      onProgress: (sent, total) => each(upload, sent, total, resolve, requests),
      onSuccess: () => resolve({ done: true, url: upload.url, requests }),
    });
    prepare(upload).then(() => upload.start());
  });
}

async function prepare(upload) {
  if (scenario !== "resume") return;
  const [previous] = await upload.findPreviousUploads();
  upload.resumeFromPreviousUpload(previous);
}

/** Once some of it has been sent: what the scenario does in the middle. */
function once(act) {
  let acted = false;
  return (upload, sent, total, resolve, requests) => {
    if (acted || sent < total / 4) return;
    acted = true;
    act(upload, resolve, requests);
  };
}

const scenarios = {
  upload: () => send(createReadStream(file), {}),
  resume: () => send(createReadStream(file), {}),
  pieces: () => send(createReadStream(file), { chunkSize: PIECE }),
  with_creation: () => send(createReadStream(file), { uploadDataDuringCreation: true }),
  with_creation_in_pieces: () => send(createReadStream(file), { uploadDataDuringCreation: true, chunkSize: PIECE }),
  // A live recording: nobody knows how long it will be.
  deferred: () =>
    send(Readable.from(pieces()), { uploadLengthDeferred: true, uploadSize: null, chunkSize: PIECE }),
  deferred_with_creation: () =>
    send(Readable.from(pieces()), {
      uploadLengthDeferred: true, uploadSize: null, chunkSize: PIECE, uploadDataDuringCreation: true,
    }),
  pause: () =>
    send(readFileSync(file), { chunkSize: PIECE }, once(async (upload) => {
      await upload.abort();
      upload.start();
    })),
  // The program ends here, and another goes on.
  stop: () =>
    send(readFileSync(file), { chunkSize: PIECE }, once(async (upload, resolve, requests) => {
      await upload.abort();
      resolve({ url: upload.url, requests });
    })),
  terminate: () =>
    send(readFileSync(file), { chunkSize: PIECE }, once(async (upload, resolve, requests) => {
      await upload.abort(true);
      resolve({ terminated: true, url: upload.url, requests });
    })),
  parallel: () => send(readFileSync(file), { parallelUploads: 2, uploadSize: null }),
};

function* pieces() {
  const whole = readFileSync(file);
  for (let start = 0; start < whole.length; start += 10_000) yield whole.subarray(start, start + 10_000);
}

console.log(JSON.stringify(await scenarios[scenario]()));
