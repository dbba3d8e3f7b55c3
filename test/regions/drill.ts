import { setTimeout as sleep } from "node:timers/promises";

import type { StoredMessage } from "../../actors/kernel/ports/bus.ts";
import type { Randomness } from "../../actors/kernel/ports/randomness.ts";
import { decodeChainMessage } from "../../actors/market/codec.ts";
import { journalSubject } from "../../schemas/subjects.ts";
import { clientNames, Clients } from "./clients.ts";
import {
  befall,
  chooseFault,
  type Fault,
  type FaultName,
  isUnsteady,
  placeLeaders,
} from "./faults.ts";
import { judge, type Standing, type Verdict } from "./judge.ts";
import { nowMs } from "./ledger.ts";
import { ofUnsteady, type Times, timesOf } from "./times.ts";
import { home, journalOf, type Market, markets, type ThreeRegions } from "./three-regions.ts";
import { type Region, regions } from "./wide-area.ts";

/** What came of one market in one drill. */
export interface MarketResult extends Times {
  readonly market: Market;
  /** As clients of OUCH saw it; the others are those of NATS. */
  readonly byOuch: Times;
  /** Of each planned move, the longest time without an answer; ms. */
  readonly pausesMs: readonly number[];
  /** Over everything since the cluster began; `news` is what this drill added. */
  readonly verdict: Verdict;
  readonly news: News;
}

/** What one drill adds to what is counted. */
export interface News {
  readonly acknowledged: number;
  readonly byOuch: number;
  readonly lost: number;
  readonly doubled: number;
  readonly repeated: number;
  readonly ofOldEpoch: number;
  readonly ownerChanges: number;
}

const newsOf = (verdict: Verdict): News => ({
  acknowledged: verdict.acknowledged,
  byOuch: verdict.byOuch,
  lost: Object.values(verdict.lost).reduce((sum, count) => sum + count, 0),
  doubled: verdict.doubled,
  repeated: verdict.repeated,
  ofOldEpoch: verdict.ofOldEpoch,
  ownerChanges: verdict.ownerChanges,
});
const nothing: News = {
  acknowledged: 0,
  byOuch: 0,
  lost: 0,
  doubled: 0,
  repeated: 0,
  ofOldEpoch: 0,
  ownerChanges: 0,
};

/** How long the parts of a drill took; ms. */
export interface Phases {
  /** Until leaders stood where the fault wanted them and every client was served. */
  readonly placing: number;
  readonly fault: number;
  /** From the fault's end until all replicas followed, every cell was ready and every client served. */
  readonly settling: number;
  /** Until no request was without an answer. */
  readonly answering: number;
  readonly judging: number;
}

export interface DrillResult {
  readonly fault: Fault;
  readonly phases: Phases;
  /** Leaders could be moved to where the fault wanted them. */
  readonly placed: boolean;
  readonly results: readonly MarketResult[];
  /** Of this drill, all markets: owners that changed, requests sent again. */
  readonly ownerChanges: number;
  readonly resends: number;
  /** Codes of requests that ended without an answer, although they were sent again and again. */
  readonly unanswered: readonly string[];
}

const ANSWERED_WITHIN_MS = 90_000;
/** Servers, cells and their streams; seconds on a quiet machine. */
const STARTED_WITHIN_MS = 240_000;
const READS_AT_ONCE = 32;
/** The fault comes at any time of what repeats itself every second. */
const LONGEST_LEAD_MS = 2_000;

/** Drills one after the other in one cluster; ledger and journal go on from drill to drill. */
export class Drills {
  readonly #three: ThreeRegions;
  readonly #clients: Clients;
  readonly #journals = new Map<Market, StoredMessage[]>();
  /** Of the drill before, by market. */
  readonly #counted = new Map<Market, News>();
  #unanswered = 0;
  #resends = 0;

  constructor(three: ThreeRegions, clients: Clients) {
    this.#three = three;
    this.#clients = clients;
  }

  static async begin(three: ThreeRegions, seed: number): Promise<Drills> {
    await three.settled(STARTED_WITHIN_MS);
    const drills = new Drills(three, new Clients(three, seed));
    try {
      await drills.#served(nowMs());
      return drills;
    } catch (error) {
      await drills.stop();
      throw error;
    }
  }

  /** `lastsMs`: as `wantedMs` of chooseFault. */
  async run(
    name: FaultName,
    random: Randomness,
    lastsMs: number | null = null,
  ): Promise<DrillResult> {
    const fault = chooseFault(name, await this.#owner(), random, lastsMs);
    const startedAt = nowMs();
    const placed = await placeLeaders(this.#three, fault);
    this.#clients.go();
    await this.#served(nowMs());
    await sleep(random.below(LONGEST_LEAD_MS));
    let begunAt = 0;
    const moves = await befall(this.#three, fault, random, () => {
      begunAt = nowMs();
    });
    const overAt = nowMs();
    await this.#three.settled();
    await this.#served(nowMs());
    const wellAt = nowMs();
    await this.#clients.pause(ANSWERED_WITHIN_MS);
    const answeredAt = nowMs();
    const toldOf = isUnsteady(name) ? ofUnsteady : (times: Times): Times => times;
    const results: MarketResult[] = [];
    for (const { name: market } of markets) {
      const { acknowledged, answered } = this.#clients.ledgerOf(market);
      const accepted = answered.filter(({ reason }) => reason === 0);
      results.push({
        market,
        ...toldOf(timesOf(acknowledged, begunAt, overAt, wellAt)),
        byOuch: toldOf(timesOf(accepted, begunAt, overAt, wellAt)),
        pausesMs: moves.map(({ from, to }) => timesOf(acknowledged, from, to, to).silenceMs),
        ...(await this.#sinceLast(market)),
      });
    }
    const { unanswered, resends } = this.#clients;
    const result = {
      fault,
      phases: {
        placing: begunAt - startedAt,
        fault: overAt - begunAt,
        settling: wellAt - overAt,
        answering: answeredAt - wellAt,
        judging: nowMs() - answeredAt,
      },
      placed,
      results,
      ownerChanges: results.reduce((sum, { news }) => sum + news.ownerChanges, 0),
      resends: resends - this.#resends,
      unanswered: unanswered.slice(this.#unanswered).map(({ code }) => code),
    };
    this.#unanswered = unanswered.length;
    this.#resends = resends;
    return result;
  }

  /** Judges everything again, from journals that are read anew: what was there once must stay. */
  async end(): Promise<readonly Verdict[]> {
    // They go on still when the time was over before the first drill.
    await this.#clients.pause(ANSWERED_WITHIN_MS);
    this.#journals.clear();
    const verdicts: Verdict[] = [];
    for (const { name } of markets) verdicts.push(await this.#judge(name));
    await this.#clients.stop();
    return verdicts;
  }

  async stop(): Promise<void> {
    await this.#clients.stop();
  }

  async #sinceLast(market: Market): Promise<Pick<MarketResult, "verdict" | "news">> {
    const verdict = await this.#judge(market);
    const before = this.#counted.get(market) ?? nothing;
    const now = newsOf(verdict);
    this.#counted.set(market, now);
    const news = Object.fromEntries(
      (Object.keys(now) as (keyof News)[]).map((name) => [name, now[name] - before[name]]),
    ) as unknown as News;
    return { verdict, news };
  }

  /** Waits until every client has an answer in every market to what it sent after `since`. */
  async #served(since: number): Promise<void> {
    const until = performance.now() + ANSWERED_WITHIN_MS;
    const missing = new Set(
      clientNames.flatMap((client) => markets.map(({ name }) => `${client} ${name}`)),
    );
    const read = { acknowledged: 0, answered: 0 };
    while (missing.size > 0) {
      for (const kind of ["acknowledged", "answered"] as const) {
        const told = this.#clients[kind];
        for (; read[kind] < told.length; read[kind] += 1) {
          const ack = told[read[kind]];
          if (ack !== undefined && ack.sentAt > since) {
            missing.delete(`${ack.client} ${ack.market}`);
          }
        }
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
    return judge(market, this.#clients.ledgerOf(market), journal, standing);
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
