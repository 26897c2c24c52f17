// The life of a task over REST: create, read, list, update, delete.
//   k6 run -e VUS=8 -e DURATION=30s bench/load/rest.js
import http from 'k6/http';
import { check } from 'k6';
import { duration, headers, httpUrl, key, run, vus } from './options.js';

export const options = {
  vus,
  duration,
  thresholds: { checks: ['rate>0.99'], http_req_failed: ['rate<0.01'] },
  summaryTrendStats: ['avg', 'med', 'p(95)', 'p(99)', 'max'],
};

const tasks = `${httpUrl}/api/v1/tasks`;
// One name for all paths with an id, or each would be a series of its own.
const named = (name, more) => ({ headers: { 'Content-Type': 'application/json', ...headers, ...more }, tags: { name } });

export default function () {
  const body = JSON.stringify({ title: `Task of ${run}`, priority: 'low' });
  const made = http.post(tasks, body, named('CreateTask', { 'Idempotency-Key': key() }));
  if (!check(made, { 'CreateTask is 201': (answer) => answer.status === 201 })) {
    return;
  }
  const { id } = made.json();
  const one = `${tasks}/${id}`;
  const read = http.get(one, named('GetTask'));
  check(read, { 'GetTask is 200': (answer) => answer.status === 200 });
  check(http.get(`${tasks}?page_size=20`, named('ListTasks')), { 'ListTasks is 200': (answer) => answer.status === 200 });
  const change = JSON.stringify({ status: 'in_progress' });
  const changed = http.patch(one, change, named('UpdateTask', { 'If-Match': read.headers['Etag'] }));
  check(changed, { 'UpdateTask is 200': (answer) => answer.status === 200 });
  check(http.del(one, null, named('DeleteTask')), { 'DeleteTask is 204': (answer) => answer.status === 204 });
}
