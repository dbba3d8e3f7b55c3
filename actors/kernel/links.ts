import type { Exit } from "./exit.ts";

/** One end of a link: an incarnation of an actor, or a supervisor. */
export interface Linked {
  readonly path: string;
  /** The other end has ended. Ignored when this end has, too. */
  exitSignal(exit: Exit): void;
}

/**
 * Which incarnations are linked. A link is between two lives, not between two paths: it ends with
 * either of them, and whoever restarts has none until it links again.
 */
export class Links {
  readonly #peers = new Map<string, Map<string, Linked>>();

  /** Linking again, or to oneself, changes nothing. */
  link(one: Linked, other: Linked): void {
    if (one.path === other.path) return;
    this.#of(one.path).set(other.path, other);
    this.#of(other.path).set(one.path, one);
  }

  unlink(one: string, other: string): void {
    this.#drop(one, other);
    this.#drop(other, one);
  }

  /** Ends all links of the path and tells their other ends, each on its own, after what is under way. */
  tell(exit: Exit): void {
    const peers = this.#peers.get(exit.path);
    if (peers === undefined) return;
    this.#peers.delete(exit.path);
    for (const peer of peers.values()) {
      this.#drop(peer.path, exit.path);
      queueMicrotask(() => peer.exitSignal(exit));
    }
  }

  /** Paths that have a link. */
  get size(): number {
    return this.#peers.size;
  }

  #of(path: string): Map<string, Linked> {
    const peers = this.#peers.get(path) ?? new Map<string, Linked>();
    this.#peers.set(path, peers);
    return peers;
  }

  #drop(from: string, peer: string): void {
    const peers = this.#peers.get(from);
    if (peers?.delete(peer) === true && peers.size === 0) this.#peers.delete(from);
  }
}
