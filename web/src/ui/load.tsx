import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { problemOf, type Problem } from "@tandem/client";
import { restarts } from "../live/feed.ts";

/** When a server that was away is asked again. */
const AGAIN_MS = 2000;

export interface Loading {
  done: boolean;
  problem: Problem | null;
  again: () => void;
}

/** Run a loader when one of the values changes, and whenever the feed began anew. */
export function useLoad(load: () => Promise<unknown>, values: unknown[]): Loading {
  const [state, setState] = useState<{ done: boolean; problem: Problem | null }>({ done: false, problem: null });
  const [tries, setTries] = useState(0);
  useEffect(() => setState({ done: false, problem: null }), values);
  useEffect(() => {
    let current = true;
    let timer = 0;
    load().then(
      () => current && setState({ done: true, problem: null }),
      (cause) => {
        if (!(cause instanceof Error)) throw cause;
        const problem = problemOf(cause);
        const isGone = problem.status === 404 || problem.status === 403;
        if (!current) return;
        setState((before) => (before.done && !isGone ? before : { done: false, problem }));
        if (isAway(problem)) timer = window.setTimeout(() => setTries(tries + 1), AGAIN_MS);
      },
    );
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [...values, restarts.value, tries]);
  return { ...state, again: () => setTries(tries + 1) };
}

/** Return whether the server, or its database, cannot be reached now. */
function isAway({ status }: Problem): boolean {
  return status === 0 || (status >= 502 && status <= 504);
}

/** Show the children once they are loaded, else that they are loading, or why they cannot be shown. */
export function Loaded({ of, children }: { of: Loading; children: ComponentChildren }) {
  if (of.problem?.status === 404) return <NotFound />;
  if (of.problem) {
    return (
      <div class="empty" role="alert">
        <h1>Not available</h1>
        <p>{of.problem.message}</p>
        <button onClick={of.again}>Try again</button>
      </div>
    );
  }
  return of.done ? <>{children}</> : <p class="loading" role="status">Loading …</p>;
}

export function NotFound() {
  return (
    <div class="empty">
      <h1>Not found</h1>
      <p>There is nothing at this address, or you have no access to it.</p>
      <a class="button" href="/">Go to Today</a>
    </div>
  );
}
