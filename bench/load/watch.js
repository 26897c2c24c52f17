// Watches over gRPC beside writes over REST. `event_delay` is the time from the write's request to the event of a watch.
//   k6 run -e WATCHERS=50 -e WRITES_PER_SECOND=10 -e DURATION=30s bench/load/watch.js
import grpc from 'k6/net/grpc';
import http from 'k6/http';
import { check, sleep } from 'k6';
import { Counter, Trend } from 'k6/metrics';
import { duration, grpcAddress, headers, httpUrl, key, metadata, plaintext, run } from './options.js';

const watchers = Number(__ENV.WATCHERS || 20);
const rate = Number(__ENV.WRITES_PER_SECOND || 5);
const seconds = Number(duration.replace('s', ''));
const delay = new Trend('event_delay', true);
const events = new Counter('events');
const broken = new Counter('broken_streams');

export const options = {
  scenarios: {
    watch: { executor: 'per-vu-iterations', vus: watchers, iterations: 1, maxDuration: `${seconds + 30}s`, exec: 'watch' },
    // The watches are open by then.
    write: {
      executor: 'constant-arrival-rate', exec: 'write', startTime: '3s', duration: `${Math.max(1, seconds - 5)}s`,
      rate, timeUnit: '1s', preAllocatedVUs: 10, maxVUs: 50,
    },
  },
  thresholds: { checks: ['rate>0.99'], broken_streams: ['count==0'], events: ['count>0'] },
  summaryTrendStats: ['avg', 'med', 'p(95)', 'p(99)', 'max'],
};

const client = new grpc.Client();
client.loadProtoset('../../proto/released.binpb');

export function setup() {
  return { label: run };
}

export function watch({ label }) {
  client.connect(grpcAddress, { plaintext });
  const stream = new grpc.Stream(client, 'taskservice.TaskService/WatchTasks', { metadata });
  let ended = false;
  stream.on('data', (event) => {
    if (event.task && event.eventType === 'EVENT_TYPE_CREATED') {
      events.add(1);
      delay.add(Date.now() - Number(event.task.title.split(' ')[1]));
    }
  });
  stream.on('error', (error) => {
    if (!ended) {
      broken.add(1);
      console.error(`A watch ended: ${error.code} ${error.message}`);
    }
  });
  stream.write({ labels: [label] });
  stream.end();
  setTimeout(() => {
    ended = true;
    client.close();
  }, seconds * 1000);
}

export function write({ label }) {
  const body = JSON.stringify({ title: `Sent ${Date.now()}`, labels: [label] });
  const parameters = {
    headers: { 'Content-Type': 'application/json', 'Idempotency-Key': key(), ...headers }, tags: { name: 'CreateTask' },
  };
  const made = http.post(`${httpUrl}/api/v1/tasks`, body, parameters);
  check(made, { 'CreateTask is 201': (answer) => answer.status === 201 });
}
