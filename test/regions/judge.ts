import type { StoredMessage } from "../../actors/kernel/ports/bus.ts";
import { testDefinition } from "../support/market-cell.ts";
import { truthOf } from "../simulation/oracle.ts";
import type { Ledger } from "./ledger.ts";
import { judgeOuch } from "./ouch-judge.ts";
import { markets } from "./three-regions.ts";

/**
 * The judge of a drill: what clients were told against what JetStream's accepted chain says, played
 * through the slow twin. Neither side is asked what it thinks of itself.
 */
export interface Verdict {
  /** Acknowledgements that were compared, those by OUCH among them. */
  readonly acknowledged: number;
  readonly byOuch: number;
  /** Executions told by OUCH. */
  readonly executions: number;
  /** Commands that the chain has executed twice. */
  readonly doubled: number;
  /** Acknowledgements, by what they promised, of which the command is not on the chain, or not as it was told. */
  readonly lost: Readonly<Record<"matched" | "durable" | "replicated", number>>;
  /** Answers that were the first outcome again. */
  readonly repeated: number;
  /** Owners that followed each other with another cell as owner, and fences by the same cell. */
  readonly ownerChanges: number;
  readonly refences: number;
  /** Acknowledgements of an epoch that came after one of a higher epoch; each is on the chain. */
  readonly ofOldEpoch: number;
  /** Messages on the stream that the chain does not accept. */
  readonly dropped: number;
  readonly violations: readonly string[];
}

/** Where a market stands, as its owner says: to be compared with the chain. */
export interface Standing {
  readonly matched: number;
  readonly digest: string;
}

/** An answer of OUCH promises what the market does. */
const modeOf = (market: string): "durable" | "replicated" =>
  markets.find(({ name }) => name === market)?.mode ?? "replicated";
const cellOf = (holder: string): string => holder.replace(/#.*$/, "");

export function judge(
  market: string,
  { acknowledged: ledger, answered, executed }: Ledger,
  journal: readonly StoredMessage[],
  standing: Standing | null,
): Verdict {
  const definition = { ...testDefinition, market, tick: 1, lot: 1 };
  const digestsAt = new Set(standing === null ? [] : [standing.matched]);
  const truth = truthOf(definition, journal, digestsAt);
  const violations = [...truth.violations];
  const lost = { matched: 0, durable: 0, replicated: 0 };
  const contents = new Map<string, string>();
  let repeated = 0;
  for (const ack of ledger) {
    const key = `${ack.session}:${ack.number}`;
    const name = `${market}: ${ack.durability} acknowledgement of ${key} (sequence ${ack.sequence}, epoch ${ack.epoch}, client ${ack.client})`;
    repeated += ack.repeated ? 1 : 0;
    const found = truth.outcomes.get(key);
    if (found === undefined) {
      lost[ack.durability] += 1;
      violations.push(`${name} is not on the chain`);
    } else if ((found.sequence ?? 0) !== ack.sequence) {
      lost[ack.durability] += 1;
      violations.push(`${name} stands on the chain as sequence ${found.sequence}`);
    } else if ((found.executed ?? 0) !== ack.executed) {
      violations.push(
        `${name} was told ${ack.executed} executed, the chain says ${found.executed}`,
      );
    } else if ((found.refusal?.code ?? "") !== ack.refusal) {
      violations.push(`${name} was told "${ack.refusal}", the chain says "${found.refusal?.code}"`);
    }
    if (ack.durability === "replicated" && !truth.holders.has(ack.epoch)) {
      violations.push(`${name} is of an epoch that nobody was given`);
    }
    const place = `${ack.epoch}:${ack.sequence}`;
    const before = contents.get(place);
    if (before !== undefined && before !== key) {
      violations.push(
        `${market}: epoch and sequence ${place} were told of ${before} and of ${key}`,
      );
    }
    contents.set(place, key);
  }
  if (standing !== null && truth.digests.get(standing.matched) !== standing.digest) {
    violations.push(
      `${market}: its owner has digest ${standing.digest} at ${standing.matched}, the chain (to ${truth.lastSequence}) gives ${truth.digests.get(standing.matched)}`,
    );
  }
  const byOuch = judgeOuch(truth, answered, executed);
  lost[modeOf(market)] += byOuch.lost;
  violations.push(...byOuch.violations);
  const holders = [...truth.holders].sort(([a], [b]) => a - b).map(([, holder]) => cellOf(holder));
  const changes = holders.slice(1).filter((holder, index) => holder !== holders[index]).length;
  return {
    acknowledged: ledger.length + byOuch.answers,
    byOuch: byOuch.answers,
    executions: executed.length,
    lost,
    repeated: repeated + byOuch.resent,
    doubled: truth.violations.filter((line) => line.includes("executed twice")).length,
    ownerChanges: changes,
    refences: Math.max(0, holders.length - 1 - changes),
    ofOldEpoch: countOldEpochs([...ledger, ...answered]),
    dropped: truth.dropped,
    violations,
  };
}

function countOldEpochs(
  ledger: readonly { readonly epoch: number; readonly at: number }[],
): number {
  let highest = 0;
  let count = 0;
  for (const { epoch } of [...ledger].sort((a, b) => a.at - b.at)) {
    if (epoch < highest) count += 1;
    highest = Math.max(highest, epoch);
  }
  return count;
}
