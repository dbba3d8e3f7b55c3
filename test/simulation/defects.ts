import type {
  AppendFate,
  Bus,
  JournalStream,
  StoredMessage,
} from "../../actors/kernel/ports/bus.ts";
import { ok, unreachable } from "../../actors/kernel/result.ts";
import { decodeChainMessage } from "../../actors/market/codec.ts";
import type { DefectName } from "./options.ts";
import type { Defect } from "./simulated-cell.ts";

/** Defects planted into cells, to show that a run would find them. */
export function defectOf(name: DefectName | null): Defect {
  switch (name) {
    case "builds_on_foreign_tail":
      return { bus: (bus) => withJournal(bus, new ForeignTail(bus.journal)) };
    case "acknowledges_before_accepted":
      return { bus: (bus) => withJournal(bus, new EarlyAnswer(bus.journal)) };
    case "takes_without_fence":
      return { bus: (bus) => withJournal(bus, new NoFence(bus.journal)) };
    case "skips_fsync":
    case null:
      return {};
    default:
      return unreachable(name);
  }
}

function withJournal(bus: Bus, journal: JournalStream): Bus {
  return {
    journal,
    keys: bus.keys,
    publish: (subject, payload) => bus.publish(subject, payload),
    request: (subject, payload, timeout) => bus.request(subject, payload, timeout),
    serve: (subject, handler) => bus.serve(subject, handler),
    subscribe: (subject, handler) => bus.subscribe(subject, handler),
    append: (subject, payload) => bus.append(subject, payload),
    state: () => bus.state(),
    onState: (callback) => bus.onState(callback),
    close: () => bus.close(),
  };
}

const isBlock = (payload: Uint8Array): boolean => decodeChainMessage(payload)?.type === "block";

/** Refused with another tail, it publishes on top of that one; it follows only what it wrote. */
class ForeignTail implements JournalStream {
  readonly #inner: JournalStream;
  readonly #own = new Map<string, StoredMessage[]>();

  constructor(inner: JournalStream) {
    this.#inner = inner;
  }

  async append(
    stream: string,
    subject: string,
    payload: Uint8Array,
    expectedTail: number,
  ): Promise<AppendFate> {
    if (!isBlock(payload)) {
      this.#own.delete(subject);
      return this.#inner.append(stream, subject, payload, expectedTail);
    }
    const held = this.#own.get(subject) ?? [];
    this.#own.set(subject, held);
    for (let expected = expectedTail; ; ) {
      const fate = await this.#inner.append(stream, subject, payload, expected);
      if (fate.fate === "stored") held.push({ streamSequence: fate.streamSequence, payload });
      if (fate.fate !== "wrong_tail") return fate;
      const tail = await this.#inner.tail(stream, subject);
      if (!tail.ok) return { fate: "undecided", reason: tail.failure.code };
      expected = tail.value?.streamSequence ?? 0;
    }
  }

  async tail(stream: string, subject: string): ReturnType<JournalStream["tail"]> {
    const last = this.#own.get(subject)?.at(-1);
    return last === undefined ? this.#inner.tail(stream, subject) : ok(last);
  }

  async next(stream: string, subject: string, from: number): ReturnType<JournalStream["next"]> {
    const own = this.#own.get(subject);
    if (own === undefined) return this.#inner.next(stream, subject, from);
    return ok(own.find((message) => message.streamSequence >= from) ?? null);
  }
}

/** Says that a block is stored and accepted before the servers have said anything. */
class EarlyAnswer implements JournalStream {
  readonly #inner: JournalStream;
  readonly #own = new Map<string, StoredMessage[]>();
  #under: Promise<void> = Promise.resolve();
  readonly #real = new Map<number, number>();

  constructor(inner: JournalStream) {
    this.#inner = inner;
  }

  async append(
    stream: string,
    subject: string,
    payload: Uint8Array,
    expectedTail: number,
  ): Promise<AppendFate> {
    if (!isBlock(payload)) {
      this.#own.delete(subject);
      return this.#inner.append(stream, subject, payload, expectedTail);
    }
    const said = expectedTail + 1;
    const held = this.#own.get(subject) ?? [];
    this.#own.set(subject, held);
    held.push({ streamSequence: said, payload });
    this.#under = this.#under.then(async () => {
      const tail = this.#real.get(expectedTail) ?? expectedTail;
      const fate = await this.#inner.append(stream, subject, payload, tail);
      if (fate.fate === "stored") this.#real.set(said, fate.streamSequence);
    });
    return { fate: "stored", streamSequence: said };
  }

  async tail(stream: string, subject: string): ReturnType<JournalStream["tail"]> {
    const last = this.#own.get(subject)?.at(-1);
    return last === undefined ? this.#inner.tail(stream, subject) : ok(last);
  }

  async next(stream: string, subject: string, from: number): ReturnType<JournalStream["next"]> {
    const own = this.#own.get(subject);
    if (own === undefined) return this.#inner.next(stream, subject, from);
    return ok(own.find((message) => message.streamSequence >= from) ?? null);
  }
}

/** Takes its own fence as read although it was never published. */
class NoFence implements JournalStream {
  readonly #inner: JournalStream;
  readonly #imagined = new Map<string, { readonly fence: StoredMessage; readonly tail: number }>();

  constructor(inner: JournalStream) {
    this.#inner = inner;
  }

  async append(
    stream: string,
    subject: string,
    payload: Uint8Array,
    expectedTail: number,
  ): Promise<AppendFate> {
    if (!isBlock(payload)) {
      const streamSequence = expectedTail + 0.5;
      const fence = { streamSequence, payload };
      this.#imagined.set(subject, { fence, tail: expectedTail });
      return { fate: "stored", streamSequence };
    }
    const imagined = this.#imagined.get(subject);
    const tail = imagined?.fence.streamSequence === expectedTail ? imagined.tail : expectedTail;
    return this.#inner.append(stream, subject, payload, tail);
  }

  async tail(stream: string, subject: string): ReturnType<JournalStream["tail"]> {
    const found = await this.#inner.tail(stream, subject);
    const imagined = this.#imagined.get(subject);
    if (!found.ok || imagined === undefined) return found;
    return (found.value?.streamSequence ?? 0) > imagined.tail ? found : ok(imagined.fence);
  }

  async next(stream: string, subject: string, from: number): ReturnType<JournalStream["next"]> {
    const imagined = this.#imagined.get(subject);
    if (imagined === undefined) return this.#inner.next(stream, subject, from);
    const at = imagined.fence.streamSequence;
    if (from > imagined.tail && from <= at) return ok(imagined.fence);
    if (from > imagined.tail && from === imagined.tail + 1) return ok(imagined.fence);
    return this.#inner.next(stream, subject, from === at + 1 ? imagined.tail + 1 : from);
  }
}
