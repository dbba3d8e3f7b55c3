import { type ReadonlySignal, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import type { Failure, Result } from "../../../../actors/kernel/result.ts";
import { now } from "./clock.ts";
import { link, listen, onLive } from "./link.ts";

/** What is known of something that changes, and since when. */
export interface Reading<T> {
  readonly value: T | null;
  /** Milliseconds since 1970 when the value was read; 0: never. */
  readonly at: number;
  /** Why it could not be read since. */
  readonly failure: Failure | null;
}

/** Something that is read for as long as somebody holds it. */
export interface Source<T> {
  readonly reading: ReadonlySignal<Reading<T>>;
  /** Older than this is shown grey, with its age. */
  readonly staleAfterMs: number;
  hold(): () => void;
  /** Reads at once. */
  refresh(): void;
}

const nothing = { value: null, at: 0, failure: null } as const;
/** A reading may be late by so many of its periods. */
const periodsMissed = 3;
const leastStaleMs = 3_000;

/**
 * Asks again and again, the next time when the answer is there and the period over; at once when the connection is
 * there, whatever was asked before it.
 */
export function polled<T>(everyMs: number, question: () => Promise<Result<T>>): Source<T> {
  const reading = signal<Reading<T>>(nothing);
  let holders = 0;
  let timer: ReturnType<typeof setTimeout> | null = null;
  let asking = false;
  /** The question that counts: the answer to an earlier one may never come, or be of before a cut. */
  let latest = 0;
  let endLive = (): void => {};

  const calm = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  };
  async function turn(): Promise<void> {
    calm();
    asking = true;
    latest += 1;
    const own = latest;
    const answer = await question();
    if (own !== latest) return;
    asking = false;
    reading.value = answer.ok
      ? { value: answer.value, at: Date.now(), failure: null }
      : { ...reading.peek(), failure: answer.failure };
    if (holders > 0)
      timer = setTimeout(() => void turn(), answer.ok ? everyMs : Math.min(everyMs, 1_000));
  }
  const refresh = (): void => {
    if (!asking) void turn();
  };
  return {
    reading,
    staleAfterMs: Math.max(leastStaleMs, everyMs * periodsMissed),
    refresh,
    hold() {
      holders += 1;
      if (holders === 1) {
        endLive = onLive(() => void turn());
        refresh();
      }
      return () => {
        holders -= 1;
        if (holders > 0) return;
        endLive();
        calm();
      };
    },
  };
}

/**
 * What is published at a subject, told at most once a frame. Silence is no sign of age: nothing may have happened;
 * a lost connection is.
 */
export function streamed<T>(
  subject: string,
  take: (before: T | null, payload: Uint8Array) => T,
  first?: () => Promise<Result<T>>,
): Source<T> {
  const reading = signal<Reading<T>>(nothing);
  let holders = 0;
  let ends: readonly (() => void)[] = [];
  let latest: T | null = null;
  /** Messages so far. */
  let heard = 0;
  let frame = 0;
  const told = (): void => {
    frame = 0;
    reading.value = { value: latest, at: Date.now(), failure: null };
  };
  const refresh = (): void => {
    const before = heard;
    void first?.().then((answer) => {
      if (!answer.ok) reading.value = { ...reading.peek(), failure: answer.failure };
      else if (heard === before) {
        latest = answer.value;
        told();
      }
    });
  };
  return {
    reading,
    staleAfterMs: Number.POSITIVE_INFINITY,
    refresh,
    hold() {
      holders += 1;
      if (holders === 1) {
        const end = listen(subject, (payload) => {
          heard += 1;
          latest = take(latest, payload);
          if (frame === 0) frame = requestAnimationFrame(told);
        });
        // What was published during a cut is not told again.
        ends = [end, onLive(refresh)];
        refresh();
      }
      return () => {
        holders -= 1;
        if (holders > 0) return;
        for (const end of ends) end();
        ends = [];
      };
    },
  };
}

/** Holds the source while the component is shown. */
export function useSource<T>(source: Source<T>): Reading<T> {
  useEffect(() => source.hold(), [source]);
  return source.reading.value;
}

export interface Freshness {
  readonly stale: boolean;
  /** Milliseconds; null: never read. */
  readonly ageMs: number | null;
}

/** How old what the source shows is. Reading it subscribes to the clock. */
export function freshness(source: Source<unknown>): Freshness {
  const { at } = source.reading.value;
  if (at === 0) return { stale: true, ageMs: null };
  const ageMs = Math.max(0, now.value - at);
  return { stale: ageMs > source.staleAfterMs || link.value.state !== "live", ageMs };
}
