import { signal } from "@preact/signals";

import type { Failure, Result } from "../../../../actors/kernel/result.ts";

/** What the person did on this page. Every action has an id; where a request takes one, it carries it. */
export interface Action {
  readonly id: string;
  readonly title: string;
  /** The same by the command line. */
  readonly command: string;
  readonly at: number;
  readonly state: "under way" | "done" | "refused";
  /** What came of it. */
  readonly says: string;
  readonly failure: Failure | null;
  /** Its entry in the audit trail; empty: it is found by the id that the command carried. */
  readonly audit: string;
}

export const actions = signal<readonly Action[]>([]);
const remembered = 50;

export const actionId = (): string => {
  const bytes = crypto.getRandomValues(new Uint8Array(5));
  return `con-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
};

/** Does it and keeps what came of it. */
export async function perform<T>(
  title: string,
  command: string,
  work: (id: string) => Promise<Result<T>>,
  says: (value: T) => string = () => "done",
  id = actionId(),
): Promise<Result<T>> {
  const begun: Action = {
    id,
    title,
    command,
    at: Date.now(),
    state: "under way",
    says: "",
    failure: null,
    audit: "",
  };
  actions.value = [begun, ...actions.value].slice(0, remembered);
  const outcome = await work(id);
  const ended: Action = outcome.ok
    ? { ...begun, state: "done", says: says(outcome.value), audit: auditOf(outcome.value) }
    : { ...begun, state: "refused", failure: outcome.failure };
  actions.value = actions.value.map((each) => (each.id === id ? ended : each));
  return outcome;
}

/** Of a reply that names its entry. */
const auditOf = (value: unknown): string =>
  typeof value === "object" &&
  value !== null &&
  "auditId" in value &&
  typeof value.auditId === "string"
    ? value.auditId
    : "";
