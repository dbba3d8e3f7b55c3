import {
  EVENT_SLOT_BYTES,
  type EngineEvent,
  type EngineSlots,
} from "../kernel/ports/matching-engine.ts";

/**
 * Events that the engine has given but whose sequence is not safe yet, as slots in order. Bounded:
 * a full queue stops the draining, the engine waits, and its command ring refuses what comes next.
 */

const CHUNK_EVENTS = 4_096;
const CHUNK_BYTES = CHUNK_EVENTS * EVENT_SLOT_BYTES;
/** 64 MiB: the unsafe window of 2^18 commands at four events each. */
export const MAXIMUM_QUEUED_EVENTS = 2 ** 20;

interface Chunk {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** 1 for events of commands that others sent. */
  readonly foreign: Uint8Array;
}

export class EventQueue {
  readonly #slots: EngineSlots;
  readonly #chunks: Chunk[] = [];
  readonly #spare: Chunk[] = [];
  #head = 0;
  #count = 0;

  constructor(slots: EngineSlots) {
    this.#slots = slots;
  }

  get length(): number {
    return this.#count;
  }

  /** Room left, in events. */
  get room(): number {
    return MAXIMUM_QUEUED_EVENTS - this.#count;
  }

  push(event: EngineEvent, foreign: boolean): void {
    const at = this.#head + this.#count;
    let chunk = this.#chunks[Math.floor(at / CHUNK_EVENTS)];
    if (chunk === undefined) {
      chunk = this.#spare.pop() ?? newChunk();
      this.#chunks.push(chunk);
    }
    this.#slots.encode(chunk.view, (at % CHUNK_EVENTS) * EVENT_SLOT_BYTES, event);
    chunk.foreign[at % CHUNK_EVENTS] = foreign ? 1 : 0;
    this.#count += 1;
  }

  /**
   * Takes events out while their sequence is at most `safe`; each is given with its slot, which is
   * valid during the call only. Returns how many.
   */
  release(
    safe: number,
    sink: (event: EngineEvent, slot: Uint8Array, foreign: boolean) => void,
  ): number {
    let released = 0;
    while (this.#count > 0) {
      const chunk = this.#chunks[0];
      if (chunk === undefined) throw new Error("a queue with events has a chunk");
      const offset = this.#head * EVENT_SLOT_BYTES;
      const event = this.#slots.read(chunk.view, offset);
      if (event.sequence > safe) break;
      const foreign = chunk.foreign[this.#head] === 1;
      this.#head += 1;
      this.#count -= 1;
      released += 1;
      sink(event, chunk.bytes.subarray(offset, offset + EVENT_SLOT_BYTES), foreign);
      if (this.#head === CHUNK_EVENTS) {
        this.#chunks.shift();
        if (this.#spare.length < 4) this.#spare.push(chunk);
        this.#head = 0;
      }
    }
    return released;
  }
}

function newChunk(): Chunk {
  const bytes = new Uint8Array(CHUNK_BYTES);
  return { bytes, view: new DataView(bytes.buffer), foreign: new Uint8Array(CHUNK_EVENTS) };
}
