import { suite } from "uvu";
import * as assert from "uvu/assert";

import { TwinExchange } from "../../test/support/engine-exchange.ts";
import { rehearse, textBytes } from "../../test/support/recorded-session.ts";
import { seed } from "../../test/support/seed.ts";
import {
  asItch,
  asLobsterMessages,
  generateSession,
} from "../../test/support/session-generator.ts";
import { type SeededRandomness, seededRandomness } from "../kernel/seeded-randomness.ts";
import { binanceSession } from "./binance.ts";
import type { SessionSource } from "./events.ts";
import { itchOverview, itchSession } from "./itch-session.ts";
import { lobsterSession } from "./lobster.ts";

const test = suite("damaged session files");
const first = seed(471_108);
const ROUNDS = 60;

/** Flips, removes, doubles and inserts bytes at random places. */
function damage(file: Uint8Array, random: SeededRandomness): Buffer {
  const pieces: Buffer[] = [];
  let at = 0;
  for (let faults = 1 + random.below(40); faults > 0 && at < file.length; faults -= 1) {
    const next = Math.min(file.length, at + random.below(Math.ceil(file.length / 20)));
    pieces.push(Buffer.from(file.subarray(at, next)));
    at = next;
    const length = 1 + random.below(6);
    switch (random.below(4)) {
      case 0:
        at += length;
        break;
      case 1:
        pieces.push(Buffer.from(file.subarray(at, at + length)));
        break;
      default:
        pieces.push(Buffer.from(Array.from({ length }, () => random.below(256))));
        at += random.below(2) * length;
    }
  }
  pieces.push(Buffer.from(file.subarray(at)));
  return Buffer.concat(pieces);
}

/** Replays the session and checks that it ended, refused nothing and left a sound book. */
async function survives(source: SessionSource, replayed: string, levels = 1): Promise<number> {
  let twin: TwinExchange | undefined;
  const { summary, stopped } = await rehearse(source, {
    levels,
    exchange: (limits) => {
      twin = new TwinExchange(limits);
      return twin;
    },
  });
  assert.is(stopped, null, replayed);
  assert.equal(summary.refusals, {}, replayed);
  assert.is(twin?.market.verify(), null, replayed);
  assert.is(twin?.market.restingCount(), summary.resting, replayed);
  const { used, commands, hidden, crosses, halts, skipped } = summary;
  const skippedRows = skipped.duplicate_id + skipped.not_resting + skipped.unknown_order;
  assert.is(commands + hidden + crosses + halts + skippedRows, used, replayed);
  const { visible, same, others } = summary.executions;
  const missed = Object.values(others).reduce((sum, count) => sum + count, 0);
  assert.is(same + missed, visible, replayed);
  return summary.malformed;
}

function generated(random: SeededRandomness) {
  return generateSession({ random, steps: 300, levels: null, outOfOrderPerMille: 50 });
}

test("LOBSTER files with random damage are read to their end and leave a sound book", async () => {
  let malformed = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const random = seededRandomness(first + round);
    const file = damage(Buffer.from(asLobsterMessages(generated(random))), random);
    const source = lobsterSession(textBytes(file, 1 + random.below(5_000)));
    malformed += await survives(source, `SEED=${first + round}`);
  }
  assert.ok(malformed > ROUNDS, "the damage must have been noticed");
});

test("ITCH files with random damage are read to their end and leave a sound book", async () => {
  let malformed = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const random = seededRandomness(first + round);
    const file = damage(asItch(generated(random), "TEST"), random);
    const bytes = textBytes(file, 1 + random.below(5_000));
    await itchOverview(bytes);
    malformed += await survives(itchSession(bytes, "TEST"), `SEED=${first + round}`);
  }
  assert.ok(malformed > ROUNDS, "the damage must have been noticed");
});

/** Levels, best quotes and trades that agree on nothing: what a gap in a recording leaves. */
function binanceLines(random: SeededRandomness): string[] {
  const price = (): string => (100 + random.below(12) / 10).toFixed(1);
  const size = (): string => (random.below(30) / 1000).toFixed(3);
  const levels = (): [string, string][] =>
    Array.from({ length: random.below(6) }, () => [price(), size()]);
  const id = (line: number): number => line + random.below(20) - 10;
  return Array.from({ length: 1 + random.below(200) }, (_, line) => {
    const kind = line === 0 ? 0 : random.below(12);
    const data =
      kind === 0
        ? { lastUpdateId: id(line), bids: levels(), asks: levels() }
        : kind < 5
          ? { e: "depthUpdate", u: id(line), b: levels(), a: levels() }
          : kind < 8
            ? { e: "bookTicker", u: id(line), b: price(), B: size(), a: price(), A: size() }
            : { e: "trade", p: price(), q: size(), m: random.below(2) === 0, X: "MARKET" };
    return `${1_723_161_255_000_000_000n + BigInt(line)} ${JSON.stringify({ data })}`;
  });
}

test("Binance streams that contradict themselves, and damaged ones, leave a sound book", async () => {
  let malformed = 0;
  for (let round = 0; round < 2 * ROUNDS; round += 1) {
    const random = seededRandomness(first + round);
    const whole = Buffer.from(binanceLines(random).join("\n"));
    const file = round % 2 === 0 ? whole : damage(whole, random);
    const queue = (["newest_first", "proportional", "oldest_first"] as const)[round % 3];
    const source = binanceSession(textBytes(file, 1 + random.below(5_000)), {
      queue: queue ?? "newest_first",
      quantityDecimals: 3,
    });
    malformed += await survives(source, `SEED=${first + round}`, 400);
  }
  assert.ok(malformed > ROUNDS, "the damage must have been noticed");
});

test("rows that contradict each other are counted and leave a sound book", async () => {
  for (let round = 0; round < 4 * ROUNDS; round += 1) {
    const random = seededRandomness(first + round);
    const ids = 2 + random.below(60);
    const prices = 1 + random.below(12);
    const rows = Array.from({ length: 1 + random.below(200) }, (_, index) => {
      const type = [1, 1, 1, 1, 2, 3, 4, 4, 5, 6, 7][random.below(11)];
      const price = (100 + random.below(prices)) * 100;
      const side = random.below(2) * 2 - 1;
      return `${index},${type},${1 + random.below(ids)},${1 + random.below(50)},${price},${side}`;
    });
    for (const levels of [1, 2, 5]) {
      await survives(lobsterSession(textBytes(rows.join("\n"))), `SEED=${first + round}`, levels);
    }
  }
});

test("random bytes are no session, and no harm", async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const random = seededRandomness(first + round);
    const alphabet = round % 2 === 0 ? 256 : 20;
    const file = Buffer.from(
      Array.from({ length: random.below(5_000) }, () => random.below(alphabet) + (round % 2) * 40),
    );
    await survives(lobsterSession(textBytes(file, 100)), `SEED=${first + round}`);
    await survives(itchSession(textBytes(file, 100), "TEST"), `SEED=${first + round}`);
  }
});

test.run();
