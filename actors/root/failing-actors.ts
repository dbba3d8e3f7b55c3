import type { ActorStatus } from "../control/messages.ts";
import type { NodeView } from "../kernel/actor.ts";
import type { DurationNs } from "../kernel/units.ts";

/** An actor of a cell that fails again and again, or was given up: somebody has to look at it. */
export interface FailingActor {
  /** Its path, or the id that it was spawned under. */
  readonly subject: string;
  readonly title: string;
  readonly detail: string;
}

/** Restarts of one actor in ten minutes that are no accident any more: the back-off lets a loop come to about 300. */
export const crashLoopRestarts = 10;
/** Of each sort; the tree and the list of strategies show them all. */
export const mostFailing = 16;
/** All actors of the cell are looked at. */
const lookEvery = 5_000_000_000;
const givenUp = "strategy_given_up: ";

/** Supervision goes on with what fails for as long as it may; this finds what people should know of it. */
export class FailingActors {
  #looked = Number.NEGATIVE_INFINITY;
  #found: readonly FailingActor[] = [];

  look(
    root: NodeView | null,
    spawned: () => readonly ActorStatus[],
    now: DurationNs,
  ): readonly FailingActor[] {
    if (now - this.#looked < lookEvery) return this.#found;
    this.#looked = now;
    const loops = root === null ? [] : loopsBelow(root, now);
    this.#found = [...loops, ...spawned().flatMap(givenUpOf).slice(0, mostFailing)];
    return this.#found;
  }
}

function loopsBelow(root: NodeView, now: DurationNs): readonly FailingActor[] {
  const found: FailingActor[] = [];
  const visit = (node: NodeView): void => {
    if (found.length === mostFailing) return;
    const restarts = node.vitals.recentRestarts(now);
    if (restarts >= crashLoopRestarts) {
      const { path } = node;
      found.push({
        subject: path,
        title: `${path} restarts again and again`,
        detail: `${restarts} restarts in ten minutes; ${node.row().lastFailure}`,
      });
    }
    // A branch whose restarts do not come to one loop has none.
    if (node.vitals.counts(now).recentRestarts < crashLoopRestarts) return;
    for (const child of node.childNodes()) visit(child);
  };
  visit(root);
  return found;
}

function givenUpOf({ record, state, detail }: ActorStatus): readonly FailingActor[] {
  if (state !== "stopped" || !detail.startsWith(givenUp)) return [];
  const { id } = record;
  return [
    {
      subject: id,
      title: `strategy ${id} failed too often and was stopped`,
      detail: detail.slice(givenUp.length),
    },
  ];
}
