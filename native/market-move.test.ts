import { fork } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { systemClock } from "../actors/kernel/system-clock.ts";
import { epoch } from "../actors/kernel/units.ts";
import {
  type Asked,
  configured,
  type Held,
  heldBy,
  offerNumbers,
  type Outcomes,
} from "../test/support/moved-market.ts";
import { repository } from "../test/support/shared-data.ts";
import { missingAddon, testUnless } from "../test/support/skip.ts";
import { loadNativeEngine, type NativeMarket } from "./index.ts";
import { PortableEngine } from "./portable/engine.ts";

/** A market between the reactor of this process and that of another, while orders come in. */
const test = suite("a market that moves between reactors");

const moves = 6;
const perStay = 3_000;
/** Outcomes that nobody has read when the market leaves. */
const unread = 40;

testUnless(
  test,
  missingAddon,
  "A8.1 B8.2 moved at a sequence number, six times under orders, it loses none, doubles none and keeps its digest",
  async () => {
    const directory = join(await mkdtemp(join(tmpdir(), "market-move-")), "log");
    const here = loadNativeEngine();
    if (!here.ok) throw new Error(here.failure.reason);
    const there = fork(join(repository, "test/support/reactor-host.ts"));
    const ask = async <Answer>(asked: Asked): Promise<Answer> => {
      there.send(asked);
      const [answer] = (await once(there, "message")) as [Answer];
      return answer;
    };
    let market: NativeMarket | null = null;
    /** This process has it in even stays, the other in odd ones. */
    const reactors = [
      {
        async open(at: number): Promise<Held> {
          const request = { market: "moved", directory, epoch: epoch(at) };
          market = (await here.value.open(request)) as NativeMarket;
          return heldBy(market);
        },
        offer: (first: number, last: number, readTo: number): Promise<Outcomes> =>
          offerNumbers(market as NativeMarket, first, last, readTo),
        async close(): Promise<Held> {
          await market?.close();
          return heldBy(market as NativeMarket);
        },
      },
      {
        open: (at: number): Promise<Held> => ask({ type: "open", directory, at }),
        offer: (first: number, last: number, readTo: number): Promise<Outcomes> =>
          ask({ type: "offer", first, last, readTo }),
        close: (): Promise<Held> => ask({ type: "close" }),
      },
    ] as const;
    try {
      const outcomes = new Map<number, number>();
      let left: Held = { matched: 0, durable: 0, digest: "" };
      let next = 1;
      for (let stay = 0; stay <= moves; stay += 1) {
        const reactor = reactors[stay % 2 === 0 ? 0 : 1];
        const found = await reactor.open(stay + 1);
        if (stay === 0) await configure(market as unknown as NativeMarket);
        else assert.equal(found, left, `stay ${stay} begins where the one before ended`);
        // What has no outcome yet is sent again, under its number, and then new orders.
        const last = (stay + 1) * perStay;
        const readTo = stay === moves ? last : last - unread;
        for (const [number, at] of Object.entries(await reactor.offer(next, last, readTo))) {
          const before = outcomes.get(Number(number));
          assert.ok(before === undefined || before === at, `${number} has two outcomes`);
          outcomes.set(Number(number), at);
        }
        left = await reactor.close();
        assert.is(left.durable, left.matched);
        next = readTo + 1;
      }
      const total = (moves + 1) * perStay;
      assert.is(outcomes.size, total);
      assert.is(new Set(outcomes.values()).size, total, "no two numbers share a sequence");
      assert.is(left.matched, 1 + total + moves * unread, "each resend is a command of its own");
      assert.equal(await asTheTwinReads(directory), left);
      const kept = await reactors[0].open(moves + 2);
      assert.equal(kept, left);
      await reactors[0].close();
    } finally {
      there.disconnect();
      await once(there, "exit");
      await here.value.stop();
      await rm(join(directory, ".."), { recursive: true, force: true });
    }
  },
);

/** What the portable engine makes of the log that two reactors wrote. */
async function asTheTwinReads(directory: string): Promise<Held> {
  const copy = `${directory}-copy`;
  await cp(directory, copy, { recursive: true });
  const twin = new PortableEngine({ clock: systemClock() });
  const market = await twin.open({ market: "moved", directory: copy, epoch: epoch(1) });
  const { matched, durable, digest } = market.progress();
  await market.close();
  await twin.stop();
  return { matched, durable, digest };
}

async function configure(market: NativeMarket): Promise<void> {
  market.offer(configured);
  market.flush();
  const seen: string[] = [];
  while (!seen.includes("configured")) {
    market.drain((event) => seen.push(event.kind), 16);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test.run();
