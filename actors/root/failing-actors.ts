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

/** Restarts of one actor in ten minutes that are no accident any more: by its back-off a loop comes to about 300. */
export const crashLoopRestarts = 10;
/** Of each sort; the tree and the list of strategies show them all. */
export const mostFailing = 16;
/** All actors of the cell are looked at. */
const lookEvery = 5_000_000_000;
const givenUp = "strategy_given_up: ";

/**
 * Supervision goes on with what fails for as long as it may; this finds what people should know of it. Each is told
 * when it is found and not again while it lasts: who has closed its incident has decided to leave it so.
 */
export class FailingActors {
  #looked = Number.NEGATIVE_INFINITY;
  #known: ReadonlySet<string> = new Set();
  #found: readonly FailingActor[] = [];

  look(
    root: NodeView | null,
    spawned: () => readonly ActorStatus[],
    now: DurationNs,
  ): readonly FailingActor[] {
    if (now - this.#looked < lookEvery) return this.#found;
    this.#looked = now;
    const loops = root === null ? [] : loopsBelow(root, now);
    const all = [...loops, ...spawned().flatMap(givenUpOf).slice(0, mostFailing)];
    this.#found = all.filter(({ subject }) => !this.#known.has(subject));
    this.#known = new Set(all.map(({ subject }) => subject));
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

/** Without a report it was given up elsewhere, where it has been told. */
function givenUpOf({ record, state, detail, report }: ActorStatus): readonly FailingActor[] {
  if (state !== "stopped" || report.length === 0 || !detail.startsWith(givenUp)) return [];
  const { id } = record;
  return [
    {
      subject: id,
      title: `strategy ${id} failed too often and was stopped`,
      detail: detail.slice(givenUp.length),
    },
  ];
}
