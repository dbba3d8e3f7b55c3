import { addTerm, outcomeTerm, removeTerm } from "./digest.ts";
import type { OutcomeTerm } from "./digest.ts";

/**
 * What the market remembers of each session, so that a resent command gets its first outcome again
 * (native/engine/README.md, Sessions).
 */

/** Sessions remembered; the one whose last outcome is the oldest is forgotten first. */
export const SESSIONS_REMEMBERED = 256;
/** Outcomes remembered per session; the one with the lowest number is forgotten first. */
export const OUTCOMES_REMEMBERED = 1024;

interface Session {
  highest: bigint;
  lastSequence: number;
  /** By number; numbers rise, so the first key is the lowest. */
  readonly outcomes: Map<bigint, OutcomeTerm>;
}

export type SessionAnswer =
  | { readonly answer: "process" }
  | { readonly answer: "repeat"; readonly outcome: OutcomeTerm }
  | { readonly answer: "stale" };

export class SessionTable {
  readonly #sessions = new Map<bigint, Session>();
  #digest = 0n;

  /** What to do with a command of this session and number. */
  look(id: bigint, number: bigint): SessionAnswer {
    const session = this.#sessions.get(id);
    if (session === undefined || number > session.highest) return { answer: "process" };
    const outcome = session.outcomes.get(number);
    return outcome === undefined ? { answer: "stale" } : { answer: "repeat", outcome };
  }

  /** Remembers the outcome of a command that `look` said to process. */
  store(outcome: OutcomeTerm): void {
    let session = this.#sessions.get(outcome.session);
    if (session === undefined) {
      if (this.#sessions.size === SESSIONS_REMEMBERED) this.#forgetOldest();
      session = { highest: 0n, lastSequence: 0, outcomes: new Map() };
      this.#sessions.set(outcome.session, session);
    }
    session.highest = outcome.number;
    session.lastSequence = outcome.sequence;
    session.outcomes.set(outcome.number, outcome);
    this.#digest = addTerm(this.#digest, outcomeTerm(outcome));
    if (session.outcomes.size > OUTCOMES_REMEMBERED) {
      for (const lowest of session.outcomes.values()) {
        session.outcomes.delete(lowest.number);
        this.#digest = removeTerm(this.#digest, outcomeTerm(lowest));
        break;
      }
    }
  }

  /** Sum of the outcomes' digest terms, modulo 2^64. */
  get digest(): bigint {
    return this.#digest;
  }

  /** What is wrong with the table, or null. */
  verify(): string | null {
    if (this.#sessions.size > SESSIONS_REMEMBERED) return "too many sessions are remembered";
    let digest = 0n;
    for (const [id, session] of this.#sessions) {
      if (session.outcomes.size > OUTCOMES_REMEMBERED) return `session ${id} has too many outcomes`;
      if (!session.outcomes.has(session.highest)) return `session ${id} lost its highest number`;
      for (const [number, outcome] of session.outcomes) {
        if (number > session.highest) return `session ${id} holds a number above its highest`;
        digest = addTerm(digest, outcomeTerm(outcome));
      }
    }
    return digest === this.#digest ? null : "the digest of the outcomes is wrong";
  }

  #forgetOldest(): void {
    let oldest: { readonly id: bigint; readonly session: Session } | null = null;
    for (const [id, session] of this.#sessions) {
      if (oldest === null || session.lastSequence < oldest.session.lastSequence) {
        oldest = { id, session };
      }
    }
    if (oldest === null) return;
    for (const outcome of oldest.session.outcomes.values()) {
      this.#digest = removeTerm(this.#digest, outcomeTerm(outcome));
    }
    this.#sessions.delete(oldest.id);
  }
}
