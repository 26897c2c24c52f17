// The page of tests/core/web_rpc/test_browsers.py: what the documentation shows, and Google's gRPC-Web client.

import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import grpcWeb from "grpc-web";
import { connect, fieldErrors, watch } from "./documented.js";
import {
  CreateTaskRequestSchema, TaskSchema, TaskService, WatchTasksRequestSchema, TaskEventSchema,
} from "./gen/tandem/task/v1/task_pb.js";
import { StatusSchema } from "./gen/google/rpc/status_pb.js";
import { BadRequestSchema } from "./gen/google/rpc/error_details_pb.js";
import { base64Decode } from "@bufbuild/protobuf/wire";

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

// What protoc-gen-grpc-web generates: a descriptor of each method, and calls by the runtime.
const method = (rpc, type, request, response) =>
  new grpcWeb.MethodDescriptor(
    `/taskservice.TaskService/${rpc}`, type, Object, Object,
    (message) => toBinary(request, message), (bytes) => fromBinary(response, bytes),
  );

async function callsOfGoogle() {
  const client = new grpcWeb.GrpcWebClientBase({ format: "text" });
  const metadata = { Authorization: "Bearer anonymous-user" };
  const createTask = method("CreateTask", grpcWeb.MethodType.UNARY, CreateTaskRequestSchema, TaskSchema);
  const call = (title) =>
    client.unaryCall(
      `${server}/taskservice.TaskService/CreateTask`, create(CreateTaskRequestSchema, { title }), metadata, createTask,
    );
  found.google = { title: (await call("by google")).title };
  try {
    await call("");
  } catch (error) {
    const status = fromBinary(StatusSchema, base64Decode(error.metadata["grpc-status-details-bin"]));
    const bad = status.details.find(({ typeUrl }) => typeUrl.endsWith("google.rpc.BadRequest"));
    found.google.fields = fromBinary(BadRequestSchema, bad.value).fieldViolations.map(({ field }) => field);
    found.google.code = error.code;
    found.google.message = error.message;
  }
  const watchTasks = method(
    "WatchTasks", grpcWeb.MethodType.SERVER_STREAMING, WatchTasksRequestSchema, TaskEventSchema,
  );
  // Opened again with the tasks as they are then, until the server is back.
  const watch = () => {
    const request = create(WatchTasksRequestSchema, { includeInitial: true });
    const stream = client.serverStreaming(`${server}/taskservice.TaskService/WatchTasks`, request, metadata, watchTasks);
    stream.on("data", ({ task }) => found.googleTitles.push(task?.title));
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
