// The life of a task over gRPC: create, read, list, update, delete.
//   k6 run -e VUS=8 -e DURATION=30s bench/load/grpc.js
import grpc from 'k6/net/grpc';
import { check } from 'k6';
import { duration, grpcAddress, key, metadata, plaintext, run, vus } from './options.js';

export const options = {
  vus,
  duration,
  thresholds: { checks: ['rate>0.99'] },
  summaryTrendStats: ['avg', 'med', 'p(95)', 'p(99)', 'max'],
};

const client = new grpc.Client();
client.loadProtoset('../../proto/released.binpb');
let connected = false;

function call(name, request, more) {
  const options = { metadata: { ...metadata, ...more }, tags: { name }, timeout: '20s' };
  const answer = client.invoke(`taskservice.TaskService/${name}`, request, options);
  check(answer, { [`${name} is OK`]: (found) => found && found.status === grpc.StatusOK });
  return answer;
}

export default function () {
  if (!connected) {
    client.connect(grpcAddress, { plaintext });
    connected = true;
  }
  const made = call('CreateTask', { title: `Task of ${run}`, priority: 'PRIORITY_LOW' }, { 'idempotency-key': key() });
  if (made.status !== grpc.StatusOK) {
    return;
  }
  const { id, version } = made.message;
  call('GetTask', { id });
  call('ListTasks', { page_size: 20 });
  call('UpdateTask', { id, status: 'TASK_STATUS_IN_PROGRESS', version });
  call('DeleteTask', { id });
}
