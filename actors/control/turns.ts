import { refuse, type Result } from "../kernel/result.ts";

/** Works that may wait for their turn; one more is refused `busy`. */
const waitingLimit = 1_024;

/** Asynchronous works one after another, in the order in which they were asked for. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** What the work gives; failure code busy when too many wait. */
  async take<T>(work: () => Promise<Result<T>>): Promise<Result<T>> {
    if (this.#waiting >= waitingLimit) {
      return refuse("busy", `${waitingLimit} requests wait for this cell`, "ask again in a moment");
    }
    return this.force(work);
  }

  /** The same for works of the cell's own, of which there are few. */
  force<T>(work: () => Promise<T>): Promise<T> {
    this.#waiting += 1;
    const result = this.#last.then(work).finally(() => {
      this.#waiting -= 1;
    });
    this.#last = result.catch(() => {});
    return result;
  }
}
