import type { Segment } from "@tandem/client";

export interface TimedWord {
  text: string;
  /** When it begins, in milliseconds. */
  start: number;
  confidence: number;
}

const known = new WeakMap<Segment, TimedWord[]>();

/** Return the words of the shown text with their times. Those of a corrected text are between the recognized ones. */
export function wordsOf(segment: Segment): TimedWord[] {
  let words = known.get(segment);
  if (!words) known.set(segment, (words = timed(segment)));
  return words;
}

function timed(segment: Segment): TimedWord[] {
  const tokens = segment.text.split(/\s+/).filter(Boolean);
  const heard = segment.words;
  const isRecognized = segment.text_source !== "user";
  return tokens.map((text, at) => {
    const place = tokens.length === heard.length ? at : Math.floor((at / tokens.length) * heard.length);
    const word = heard[place];
    const start = Number(word?.start_ms ?? segment.start_ms);
    return { text, start, confidence: isRecognized && tokens.length === heard.length && word ? word.confidence : 1 };
  });
}
