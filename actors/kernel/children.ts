import type { ChildCounts, ChildInfo } from "./actor.ts";
import { type ChildSpec, supervisorType } from "./child-spec.ts";
import type { TreeMember } from "./runtime.ts";

/** A child and what its supervisor remembers about it. */
export interface Slot {
  readonly member: TreeMember;
  failuresInRow: number;
  /** Monotonic time of the last start. */
  startedAt: number;
  /** Cancels the back-off under way; null when none is. */
  cancelBackoff: (() => void) | null;
  /** Why restarts of others leave it alone: stopped by an operator, or finished. Set through rest(). */
  rests: Rest | null;
}

export type Rest = "stopped" | "finished";

/** The children of one supervisor, in order of start. */
export class Children {
  readonly #slots = new Map<string, Slot>();
  #significantActive = 0;

  get size(): number {
    return this.#slots.size;
  }

  /** Significant children that run or will run again by themselves. */
  get significantActive(): number {
    return this.#significantActive;
  }

  get(id: string): Slot | undefined {
    return this.#slots.get(id);
  }

  ids(): readonly string[] {
    return [...this.#slots.keys()];
  }

  inOrder(): IterableIterator<Slot> {
    return this.#slots.values();
  }

  reversed(): readonly Slot[] {
    return [...this.#slots.values()].reverse();
  }

  add(member: TreeMember): Slot {
    const slot: Slot = {
      member,
      failuresInRow: 0,
      startedAt: 0,
      cancelBackoff: null,
      rests: null,
    };
    this.#slots.set(member.spec.id, slot);
    if (isSignificant(slot)) this.#significantActive += 1;
    return slot;
  }

  rest(slot: Slot, rests: Rest | null): void {
    const changes = (slot.rests === null) !== (rests === null);
    slot.rests = rests;
    if (changes && isSignificant(slot)) this.#significantActive += rests === null ? 1 : -1;
  }

  remove(slot: Slot): void {
    this.rest(slot, "stopped");
    this.#slots.delete(slot.member.spec.id);
  }

  list(): readonly ChildInfo[] {
    return Array.from(this.#slots.values(), ({ member }) => ({
      id: member.spec.id,
      type: member.spec.type,
      kind: kindOf(member.spec),
      status: member.status === "exited" ? "restarting" : member.status,
      incarnation: member.incarnation,
    }));
  }

  count(): ChildCounts {
    let active = 0;
    let supervisors = 0;
    for (const { member } of this.#slots.values()) {
      if (member.status === "running") active += 1;
      if (kindOf(member.spec) === "supervisor") supervisors += 1;
    }
    const specs = this.#slots.size;
    return { specs, active, supervisors, workers: specs - supervisors };
  }
}

const isSignificant = ({ member }: Slot): boolean => member.spec.significant === true;
const kindOf = (spec: ChildSpec): ChildInfo["kind"] =>
  spec.type === supervisorType ? "supervisor" : "worker";
