import type { SeededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import type { FaultRates } from "./options.ts";
import type { Scheduler } from "./scheduler.ts";
import { machines, type SimulatedCell } from "./simulated-cell.ts";
import type { AppendTrouble, SimulatedJetStream } from "./simulated-jetstream.ts";
import type { SimulatedNetwork } from "./simulated-network.ts";

/** What faults act upon. */
export interface Target {
  readonly scheduler: Scheduler;
  readonly network: SimulatedNetwork;
  readonly jetstream: SimulatedJetStream;
  readonly cells: readonly SimulatedCell[];
  /** An operator's request to halt or resume a market. */
  setState(market: number, state: "halted" | "open"): void;
}

type Timed = Exclude<
  keyof FaultRates,
  "appendAnswered" | "appendSilent" | "appendLate" | "appendUnchecked" | "eventLogs" | "driftPpm"
>;

/**
 * Plans every fault of a run at once, so that what processes do cannot change when one comes. The
 * returned function ends everything that is wrong.
 */
export function planFaults(
  target: Target,
  rates: FaultRates,
  from: number,
  until: number,
  random: SeededRandomness,
): () => void {
  const state = { ended: false };
  const faults = timedFaults(target, state);
  for (const kind of Object.keys(faults) as Timed[]) {
    const mine = random.fork(kind);
    const meanGap = 60e9 / rates[kind];
    if (!Number.isFinite(meanGap)) continue;
    for (let at = from; ; ) {
      at += -Math.log(1 - mine.unit()) * meanGap;
      if (at >= until) break;
      const run = faults[kind](mine);
      target.scheduler.at(Math.floor(at), machines, kind, run);
    }
  }
  target.jetstream.appendTrouble = appendTroubles(rates, random.fork("appends"));
  target.jetstream.gapAfterHeal = rates.partitions + rates.flaps > 0 ? 50 : 0;
  return () => {
    state.ended = true;
    endFaults(target);
  };
}

function endFaults({ network, jetstream, cells }: Target): void {
  jetstream.appendTrouble = () => null;
  jetstream.gapAfterHeal = 0;
  network.slowness = 1;
  network.healAll();
  for (const site of network.sites) jetstream.restartServer(site);
  for (const cell of cells) {
    cell.machine.disk.slowness = 1;
    cell.machine.disk.room = Number.POSITIVE_INFINITY;
    cell.held = false;
    cell.resume();
    cell.start();
  }
}

/** For each kind: draws one fault, and gives what it does when its time has come. */
function timedFaults(
  target: Target,
  state: { readonly ended: boolean },
): Readonly<Record<Timed, (random: SeededRandomness) => () => void>> {
  const { scheduler, network, jetstream, cells } = target;
  const later = (nanoseconds: number, label: string, run: () => void): void => {
    scheduler.in(nanoseconds, machines, label, () => {
      if (!state.ended) run();
    });
  };
  const say = (text: string): void => scheduler.trace.say(scheduler.now, "fault", text);
  const between = (random: SeededRandomness, least: number, most: number): number =>
    least + (most - least) * random.unit() * random.unit();
  const cellOf = (random: SeededRandomness): SimulatedCell => {
    const cell = cells[random.below(cells.length)];
    if (cell === undefined) throw new Error("a simulation has cells");
    return cell;
  };
  const others = (site: number): readonly number[] => network.sites.filter((one) => one !== site);
  const cutOff = (site: number, keeps: boolean, direction: "both" | "out" | "in"): void => {
    for (const other of others(site)) {
      if (direction !== "in") network.cut(site, other, keeps);
      if (direction !== "out") network.cut(other, site, keeps);
    }
  };
  const rejoin = (site: number): void => {
    for (const other of others(site)) {
      network.heal(site, other);
      network.heal(other, site);
    }
  };
  const partition =
    (site: number, lasts: number, keeps: boolean, direction: "both" | "out" | "in") => (): void => {
      say(`site ${site} cut off (${direction}) for ${(lasts / 1e9).toFixed(2)} s`);
      cutOff(site, keeps, direction);
      later(lasts, "heal", () => rejoin(site));
    };
  return {
    partitions: (random) =>
      partition(random.below(3), between(random, 0.3e9, 20e9), random.below(2) === 0, "both"),
    oneWay: (random) =>
      partition(
        random.below(3),
        between(random, 0.3e9, 15e9),
        random.below(2) === 0,
        random.below(2) === 0 ? "in" : "out",
      ),
    flaps: (random) => {
      const site = random.below(3);
      const keeps = random.below(2) === 0;
      const times = Array.from({ length: 3 + random.below(6) }, () => ({
        after: between(random, 0.1e9, 3e9),
        lasts: between(random, 0.1e9, 4e9),
      }));
      return () => {
        let at = 0;
        for (const { after, lasts } of times) {
          at += after;
          later(at, "flap", partition(site, lasts, keeps, "both"));
          at += lasts;
        }
      };
    },
    crashes: (random) => {
      const cell = cellOf(random);
      return () => cell.crash(false);
    },
    powerCuts: (random) => {
      const cell = cellOf(random);
      return () => cell.crash(true);
    },
    dyingSites: (random) => {
      const site = random.below(3);
      const before = 0.3e9 + 3.7e9 * random.unit();
      const after = 1e9 + 9e9 * random.unit();
      const powerCut = random.below(2) === 0;
      const keeps = random.below(2) === 0;
      const its = cells.filter((cell) => cell.machine.site === site);
      return () => {
        partition(site, before + after, keeps, "both")();
        later(before, "dies", () => {
          for (const cell of its) {
            cell.held = true;
            cell.crash(powerCut);
          }
        });
        later(before + after, "is back", () => {
          for (const cell of its) {
            cell.held = false;
            cell.start();
          }
        });
      };
    },
    pauses: (random) => {
      const cell = cellOf(random);
      const lasts = between(random, 0.1e9, 15e9);
      return () => {
        cell.pause(false);
        later(lasts, "resume", () => cell.resume());
      };
    },
    freezes: (random) => {
      const cell = cellOf(random);
      const lasts = between(random, 0.1e9, 15e9);
      return () => {
        cell.pause(true);
        later(lasts, "resume", () => cell.resume());
      };
    },
    serverCrashes: (random) => {
      const site = random.below(3);
      const lasts = between(random, 0.5e9, 15e9);
      return () => {
        say(`server ${site} killed for ${(lasts / 1e9).toFixed(2)} s`);
        jetstream.crashServer(site);
        later(lasts, "server restart", () => jetstream.restartServer(site));
      };
    },
    leaderless: (random) => {
      const lasts = between(random, 1e9, 9e9);
      return () => {
        say("no stream has a leader");
        jetstream.loseLeaders(lasts, lasts + 1e9);
      };
    },
    wallJumps: (random) => {
      const cell = cellOf(random);
      const by = Math.floor((random.unit() - 0.5) * 60e9);
      return () => {
        say(`wall clock of ${cell.machine.name} jumps by ${(by / 1e9).toFixed(2)} s`);
        cell.machine.time.wallOffset += by;
      };
    },
    slowDisks: (random) => {
      const { disk } = cellOf(random).machine;
      const lasts = between(random, 1e9, 10e9);
      const factor = 10 + random.below(1_000);
      return () => {
        disk.slowness = factor;
        later(lasts, "fast disk", () => {
          disk.slowness = 1;
        });
      };
    },
    fullDisks: (random) => {
      const { disk, name } = cellOf(random).machine;
      const lasts = between(random, 0.5e9, 6e9);
      const room = random.below(2_000);
      return () => {
        say(`disk of ${name} is full`);
        disk.room = room;
        later(lasts, "room on the disk", () => {
          disk.room = Number.POSITIVE_INFINITY;
        });
      };
    },
    halts: (random) => {
      const market = random.below(2);
      const lasts = between(random, 0.5e9, 8e9);
      return () => {
        say(`market ${market} is to halt`);
        target.setState(market, "halted");
        later(lasts, "resume a market", () => target.setState(market, "open"));
      };
    },
    lostLeases: () => () => {
      say("the bucket of leases is lost");
      jetstream.loseSuffix("KV_LEASE", Number.MAX_SAFE_INTEGER);
    },
    slowNetworks: (random) => {
      const lasts = between(random, 1e9, 10e9);
      const factor = 2 + random.below(20);
      return () => {
        network.slowness = factor;
        later(lasts, "fast network", () => {
          network.slowness = 1;
        });
      };
    },
    lostSuffixes: (random) => {
      const count = 1 + random.below(5);
      return () => {
        const journals = jetstream.streamNames().filter((name) => name.startsWith("JRN_"));
        for (const name of journals) jetstream.loseSuffix(name, count);
        say(`journals lost their last ${count} messages`);
      };
    },
  };
}

const answers = [
  { sequence: 0, duplicate: false, error: { code: 503, text: "no responders" } },
  { sequence: 0, duplicate: false, error: { code: 10_164, text: "wrong last sequence" } },
  { sequence: 0, duplicate: false, error: { code: 10_158, text: "insufficient resources" } },
  { sequence: 0, duplicate: false, error: { code: 10_008, text: "temporarily unavailable" } },
  { sequence: 0, duplicate: false, error: null },
  { sequence: 7, duplicate: true, error: null },
] as const;

function appendTroubles(
  rates: FaultRates,
  random: SeededRandomness,
): SimulatedJetStream["appendTrouble"] {
  const { appendAnswered, appendSilent, appendLate, appendUnchecked, eventLogs } = rates;
  return (stream): AppendTrouble | null => {
    const drawn = random.below(10_000);
    const extra = random.unit();
    const stored = random.below(2) === 0;
    if (stream.startsWith("ALOG_") && extra * 1_000 < eventLogs) return { kind: "silent", stored };
    if (drawn < appendAnswered) {
      const ack = answers[Math.floor(extra * answers.length)] ?? answers[0];
      return { kind: "answered", ack, stored };
    }
    if (drawn < appendAnswered + appendSilent) return { kind: "silent", stored };
    if (drawn < appendAnswered + appendSilent + appendLate) {
      return { kind: "late", by: extra * 9e9 };
    }
    const unchecked = appendAnswered + appendSilent + appendLate + appendUnchecked;
    // Keys are not affected: what protects a lease is the revision alone.
    if (drawn < unchecked && stream.startsWith("JRN_")) {
      return { kind: "unchecked", after: extra * 8e9 };
    }
    return null;
  };
}
