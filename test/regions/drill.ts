import { setTimeout as sleep } from "node:timers/promises";

import type { StoredMessage } from "../../actors/kernel/ports/bus.ts";
import type { Randomness } from "../../actors/kernel/ports/randomness.ts";
import { decodeChainMessage } from "../../actors/market/codec.ts";
import { journalSubject } from "../../schemas/subjects.ts";
import { Clients } from "./clients.ts";
import { befall, chooseFault, type Fault, type FaultName, placeLeaders } from "./faults.ts";
import { judge, type Standing, type Verdict } from "./judge.ts";
import { nowMs } from "./ledger.ts";
import { type Times, timesOf } from "./times.ts";
import { home, journalOf, type Market, markets, type ThreeRegions } from "./three-regions.ts";
import { type Region, regions } from "./wide-area.ts";

/** What came of one market in one drill. */
export interface MarketResult extends Times {
  readonly market: Market;
  readonly verdict: Verdict;
}

export interface DrillResult {
  readonly fault: Fault;
  /** Leaders could be moved to where the fault wanted them. */
  readonly placed: boolean;
  readonly results: readonly MarketResult[];
  /** Of this drill, all markets: owners that changed, requests sent again. */
  readonly ownerChanges: number;
  readonly resends: number;
}

const ANSWERED_WITHIN_MS = 90_000;
const READS_AT_ONCE = 32;

/** Drills one after the other in one cluster; ledger and journal go on from drill to drill. */
export class Drills {
  readonly #three: ThreeRegions;
  readonly #clients: Clients;
  readonly #journals = new Map<Market, StoredMessage[]>();
  #ownerChanges = 0;
  #resends = 0;

  constructor(three: ThreeRegions, clients: Clients) {
    this.#three = three;
    this.#clients = clients;
  }

  static async begin(three: ThreeRegions, seed: number): Promise<Drills> {
    await three.settled();
    const drills = new Drills(three, new Clients(three, seed));
    await drills.#served(nowMs());
    return drills;
  }

  /** `lastsMs`: how long the fault lasts; null: as long as chance says. */
  async run(
    name: FaultName,
    random: Randomness,
    lastsMs: number | null = null,
  ): Promise<DrillResult> {
    const chosen = chooseFault(name, await this.#owner(), random);
    const fault = lastsMs === null ? chosen : { ...chosen, lastsMs };
    const placed = await placeLeaders(this.#three, fault);
    this.#clients.go();
    await this.#served(nowMs());
    await sleep(random.below(2_000));
    let begunAt = 0;
    await befall(this.#three, fault, random, () => {
      begunAt = nowMs();
    });
    const overAt = nowMs();
    await this.#three.settled();
    await this.#served(nowMs());
    const wellAt = nowMs();
    await this.#clients.pause(ANSWERED_WITHIN_MS);
    const results: MarketResult[] = [];
    for (const { name: market } of markets) {
      const times = this.#timesOf(market, begunAt, overAt, wellAt);
      results.push({ market, ...times, verdict: await this.#judge(market) });
    }
    const changes = results.reduce((sum, { verdict }) => sum + verdict.ownerChanges, 0);
    const result = {
      fault,
      placed,
      results,
      ownerChanges: changes - this.#ownerChanges,
      resends: this.#clients.resends - this.#resends,
    };
    this.#ownerChanges = changes;
    this.#resends = this.#clients.resends;
    return result;
  }

  /** Judges everything again, from journals that are read anew: what was there once must stay. */
  async end(): Promise<readonly Verdict[]> {
    this.#journals.clear();
    const verdicts: Verdict[] = [];
    for (const { name } of markets) verdicts.push(await this.#judge(name));
    await this.#clients.stop();
    return verdicts;
  }

  async stop(): Promise<void> {
    await this.#clients.stop();
  }

  #timesOf(market: Market, from: number, over: number, to: number): Times {
    const acks = this.#clients.acknowledged.filter((ack) => ack.market === market && ack.at > from);
    return timesOf(acks, from, over, to);
  }

  /** Waits until every client has an answer in every market to what it sent after `since`. */
  async #served(since: number): Promise<void> {
    const until = performance.now() + ANSWERED_WITHIN_MS;
    const missing = new Set(
      regions.flatMap((region) => markets.map(({ name }) => `${region} ${name}`)),
    );
    let from = 0;
    while (missing.size > 0) {
      const { acknowledged } = this.#clients;
      for (; from < acknowledged.length; from += 1) {
        const ack = acknowledged[from];
        if (ack !== undefined && ack.sentAt > since) missing.delete(`${ack.client} ${ack.market}`);
      }
      if (performance.now() > until) {
        throw new Error(`no answer to a new command: ${[...missing].join(", ")}`);
      }
      await sleep(20);
    }
  }

  async #owner(): Promise<Region> {
    const journal = await this.#journal("REPL");
    for (const { payload } of [...journal].reverse()) {
      const message = decodeChainMessage(payload);
      if (message?.type === "fence") return message.holder.split("/")[0] as Region;
    }
    return home;
  }

  async #judge(market: Market): Promise<Verdict> {
    const standing = await this.#standing(market);
    const journal = await this.#journal(market);
    const ledger = this.#clients.acknowledged.filter((ack) => ack.market === market);
    return judge(market, ledger, journal, standing);
  }

  /** What the owner says of the market once everything of it is committed. */
  async #standing(market: Market): Promise<Standing> {
    for (let attempt = 0; attempt < 300; attempt += 1) {
      for (const region of regions) {
        const status = await this.#three.status(region);
        const held = status?.markets?.find((each) => each.market === market);
        if (held === undefined || (held.state !== "open" && held.state !== "halted")) continue;
        const matched = held.matched ?? 0;
        if ((held.committed ?? 0) === matched) return { matched, digest: held.digest ?? "" };
      }
      await sleep(100);
    }
    throw new Error(`${market}: nobody has it open and committed`);
  }

  /** The journal as far as it goes now; what was read before is not read again. */
  async #journal(market: Market): Promise<readonly StoredMessage[]> {
    const { journal } = await this.#three.bus();
    const held = this.#journals.get(market) ?? [];
    this.#journals.set(market, held);
    const stream = journalOf(market);
    const subject = journalSubject(market);
    const tail = (await reading(() => journal.tail(stream, subject)))?.streamSequence ?? 0;
    for (let from = (held.at(-1)?.streamSequence ?? 0) + 1; from <= tail; from += READS_AT_ONCE) {
      const count = Math.min(READS_AT_ONCE, tail - from + 1);
      const read = await Promise.all(
        Array.from({ length: count }, (_, index) =>
          reading(() => journal.next(stream, subject, from + index)),
        ),
      );
      for (const [index, message] of read.entries()) {
        if (message?.streamSequence === from + index) held.push(message);
      }
    }
    return held;
  }
}

/** Reads until it works. */
async function reading<T>(
  ask: () => Promise<
    { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: object }
  >,
): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    const answer = await ask();
    if (answer.ok) return answer.value;
    if (attempt > 300) throw new Error(JSON.stringify(answer.failure));
    await sleep(100);
  }
}
