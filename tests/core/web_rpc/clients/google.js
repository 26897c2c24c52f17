// Google's gRPC-Web client: its runtime, with messages that its own compiler generated for its own runtime of messages.

import grpcWeb from "grpc-web";
import { BadRequest } from "./google/google/rpc/error_details_pb.js";
import { Status } from "./google/google/rpc/status_pb.js";
import { CreateTaskRequest, Task, TaskEvent, WatchTasksRequest } from "./google/tandem/task/v1/task_pb.js";

// The service as protoc-gen-grpc-web writes it: a descriptor of each method, and calls by the runtime. The plugin is in
// no registry of packages (docs/decisions/0032-own-web-protocols.md).
const method = (rpc, type, Request, Response) =>
  new grpcWeb.MethodDescriptor(
    `/taskservice.TaskService/${rpc}`, type, Request, Response,
    (request) => request.serializeBinary(), Response.deserializeBinary,
  );
const CREATE = method("CreateTask", grpcWeb.MethodType.UNARY, CreateTaskRequest, Task);
const WATCH = method("WatchTasks", grpcWeb.MethodType.SERVER_STREAMING, WatchTasksRequest, TaskEvent);

/** The tasks of a server. The format is that of the plugin's mode: "text" of `grpcwebtext`, "binary" of `grpcweb`. */
export class TaskClient {
  constructor(server, token, format) {
    this.client = new grpcWeb.GrpcWebClientBase({ format });
    this.server = server;
    this.metadata = { Authorization: `Bearer ${token}` };
  }

  /** Creates a task with this title. */
  create(title) {
    const request = new CreateTaskRequest();
    request.setTitle(title);
    return this.client.unaryCall(`${this.server}/taskservice.TaskService/CreateTask`, request, this.metadata, CREATE);
  }

  /** Opens the stream of the tasks as they are, and of their changes. */
  watch() {
    const request = new WatchTasksRequest();
    request.setIncludeInitial(true);
    const url = `${this.server}/taskservice.TaskService/WatchTasks`;
    return this.client.serverStreaming(url, request, this.metadata, WATCH);
  }
}

/** Returns the paths of the fields that an error names. */
export function fieldsOf(error) {
  const status = Status.deserializeBinary(error.metadata["grpc-status-details-bin"]);
  const found = status.getDetailsList().map((any) => any.unpack(BadRequest.deserializeBinary, "google.rpc.BadRequest"));
  return found.filter(Boolean).flatMap((bad) => bad.getFieldViolationsList().map((field) => field.getField()));
}
