// The order that people give tasks: fractions in base 62 without their "0.", so a move writes only the task that moves.
import type { Task } from "@tandem/client";

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Return a fraction between two; an empty one stands for the beginning or the end. */
export function rankBetween(before: string, after: string): string {
  let rank = "";
  for (let place = 0; ; place++) {
    const low = place < before.length ? DIGITS.indexOf(before[place]!) : 0;
    const high = after && place < after.length ? DIGITS.indexOf(after[place]!) : after ? 0 : DIGITS.length;
    if (low === high) {
      rank += DIGITS[low];
      continue;
    }
    const middle = Math.floor((low + high) / 2);
    if (middle > low) return rank + DIGITS[middle];
    // No digit fits between: keep the lower one, and look for a greater rest.
    rank += DIGITS[low];
    after = "";
  }
}

/** Compare tasks by rank, byte by byte as the server does, and by id. */
export function byRank(a: Task, b: Task): number {
  return compare(a.rank, b.rank) || compare(a.id, b.id);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
