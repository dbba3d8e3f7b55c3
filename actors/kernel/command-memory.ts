/** A command that was done, for its resends. */
export interface DoneCommand<Reply> {
  /** What it asked for: a resend asks for the same. */
  readonly asked: string;
  readonly reply: Reply;
}

/** The last commands done, by id: bounded, the oldest is forgotten first. */
export class CommandMemory<Reply> {
  readonly #limit: number;
  readonly #done = new Map<string, DoneCommand<Reply>>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(commandId: string): DoneCommand<Reply> | undefined {
    return this.#done.get(commandId);
  }

  add(commandId: string, done: DoneCommand<Reply>): void {
    this.#done.set(commandId, done);
    if (this.#done.size <= this.#limit) return;
    for (const oldest of this.#done.keys()) {
      this.#done.delete(oldest);
      break;
    }
  }

  clear(): void {
    this.#done.clear();
  }

  get size(): number {
    return this.#done.size;
  }

  /** Oldest first. */
  entries(): readonly (readonly [string, DoneCommand<Reply>])[] {
    return [...this.#done.entries()];
  }
}
