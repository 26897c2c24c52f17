// Uppy with its tus plugin, set up as its documentation shows, in Node.js.
//
// node uppy.mjs SCENARIO ENDPOINT AUTHORIZATION FILE: prints what happened as JSON, in one line.
import { readFileSync } from "node:fs";
import Uppy from "@uppy/core";
import Tus from "@uppy/tus";

const [scenario, endpoint, authorization, file] = process.argv.slice(2);

const requests = [];
const uppy = new Uppy().use(Tus, {
  endpoint,
  headers: { Authorization: authorization },
  chunkSize: scenario === "upload" ? Infinity : 64 * 1024,
  retryDelays: [0, 200, 500, 1000, 2000, 5000],
  onAfterResponse: (request, response) => {
    requests.push(`${request.getMethod()} ${response.getStatus()}`);
  },
});

function add(name) {
  return uppy.addFile({ name, type: "audio/wav", data: readFileSync(file) });
}

let acted = false;
uppy.on("upload-progress", async (of, progress) => {
  if (acted || progress.bytesUploaded < progress.bytesTotal / 4) return;
  acted = true;
  if (scenario === "pause") {
    uppy.pauseResume(of.id);
    setTimeout(() => uppy.pauseResume(of.id), 200);
  }
  if (scenario === "cancel") {
    uppy.cancelAll();
    setTimeout(() => console.log(JSON.stringify({ cancelled: true, requests })), 500);
  }
});

for (const name of scenario === "several" ? ["one.wav", "two.wav", "three.wav"] : ["talk.wav"]) add(name);
const result = await uppy.upload();
if (scenario !== "cancel") {
  console.log(JSON.stringify({
    done: result.successful.length,
    failed: result.failed.map((of) => of.error),
    urls: result.successful.map((of) => of.uploadURL),
    requests,
  }));
}
