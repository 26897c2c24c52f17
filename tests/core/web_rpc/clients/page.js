// The page of tests/core/web_rpc/test_browsers.py: what the documentation shows, and Google's gRPC-Web client.

import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { connect, fieldErrors, watch } from "./documented.js";
import { TaskService } from "./gen/tandem/task/v1/task_pb.js";
import { TaskClient, fieldsOf } from "./google.js";

const server = new URLSearchParams(location.search).get("server");
const found = { titles: [], resets: 0, googleTitles: [], googleEnds: [] };
window.found = found;

const { tasks, changes } = connect(server, () => "anonymous-user");

async function callsOfConnect(name, client) {
  found[name] = { title: (await client.createTask({ title: `by ${name}` })).title };
  try {
    await client.createTask({ title: "" });
  } catch (error) {
    found[name].errors = fieldErrors(error);
    found[name].code = error.code;
    found[name].message = error.rawMessage;
  }
}

async function follow() {
  const request = { subjectTypes: ["task"] };
  const options = { reset: () => (found.resets += 1), signal: new AbortController().signal };
  for await (const change of watch(changes, request, options)) {
    if (change.kind === 1) found.titles.push(change.subject.value.title);
    else if (!found.watching) found.watching = true;
  }
}

async function callsOfGoogle() {
  const [client, inBinary] = ["text", "binary"].map((format) => new TaskClient(server, "anonymous-user", format));
  const task = await client.create("by google");
  // A time passes the messages of both sides.
  found.google = { title: task.getTitle(), isNew: Date.now() - task.getCreatedAt().toDate() < 600_000 };
  found.google.binary = (await inBinary.create("by google in binary")).getTitle();
  try {
    await client.create("");
  } catch (error) {
    found.google.fields = fieldsOf(error);
    found.google.code = error.code;
    found.google.message = error.message;
  }
  // Opened again with the tasks as they are then, until the server is back.
  const watch = () => {
    const stream = client.watch();
    stream.on("data", (event) => found.googleTitles.push(event.getTask()?.getTitle()));
    stream.on("error", ({ code }) => {
      found.googleEnds.push(code);
      setTimeout(watch, 300);
    });
  };
  watch();
}

// Reads by GET, which the contracts permit by `idempotency_level`, so that the browser and caches know them as reads.
async function readsByGet() {
  const transport = createConnectTransport({
    baseUrl: server,
    useHttpGet: true,
    interceptors: [(next) => (request) => {
      request.header.set("Authorization", "Bearer anonymous-user");
      return next(request);
    }],
  });
  const client = createClient(TaskService, transport);
  const { id } = await client.createTask({ title: "read by GET" });
  found.read = { title: (await client.getTask({ id })).title };
  const calls = performance.getEntriesByType("resource").map(({ name }) => new URL(name));
  found.read.byGet = calls.filter(({ search }) => search.includes("connect=v1")).map(({ pathname }) => pathname);
}

try {
  follow().catch((error) => (found.failed = `watch: ${error}`));
  await callsOfConnect("connect", tasks);
  await callsOfConnect("grpcweb", createClient(TaskService, createGrpcWebTransport({
    baseUrl: server,
    interceptors: [(next) => (request) => {
      request.header.set("Authorization", "Bearer anonymous-user");
      return next(request);
    }],
  })));
  await callsOfGoogle();
  await readsByGet();
  found.done = true;
} catch (error) {
  found.failed = `${error} ${error.stack}`;
}
