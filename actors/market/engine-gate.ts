import type { MarketEngine } from "../kernel/ports/matching-engine.ts";
import type { Ownership } from "../kernel/ports/ownership.ts";
import { durationNs, sequence, type DurationNs } from "../kernel/units.ts";

const lapsed = durationNs(0);

/**
 * What an owned market tells its engine, so that the clients which the engine serves by itself get
 * nothing earlier than those of the actor, and nothing is taken of them without a lease. The engine
 * looks at its own clock: a gate that nobody can close in time closes by itself.
 */
export class EngineGate {
  readonly #engine: MarketEngine;
  readonly #unwatch: () => void;
  #committed: number;
  #validUntil: DurationNs = lapsed;

  constructor(engine: MarketEngine, ownership: Ownership, committed: number) {
    this.#engine = engine;
    this.#committed = committed;
    this.#unwatch = ownership.watch((validUntil) => {
      this.#validUntil = validUntil;
      this.#tell();
    });
  }

  onCommitted(committed: number): void {
    this.#committed = Math.max(this.#committed, committed);
    this.#tell();
  }

  /** What is committed may leave still; nothing more is taken. */
  close(): void {
    this.#unwatch();
    this.#validUntil = lapsed;
    this.#tell();
  }

  #tell(): void {
    this.#engine.gate(sequence(this.#committed), this.#validUntil);
  }
}
