import { suite } from "uvu";
import * as assert from "uvu/assert";

import { manualClock } from "../kernel/manual-clock.ts";
import type { Log } from "../kernel/ports/log.ts";
import { ensureAssets } from "./assets.ts";
import { durationNs } from "../kernel/units.ts";
import type { NatsBus } from "./nats.ts";

const test = suite("assets");

const silent: Log = { info() {}, warn() {}, error() {}, child: () => silent };

/** A server whose streams have no leader: it answers nothing. Counts how long each stream was waited for. */
function leaderless(): { readonly bus: NatsBus; readonly waits: Map<string, number[]> } {
  const waits = new Map<string, number[]>();
  const connection = {
    options: {},
    info: { max_payload: 1_048_576 },
    request(subject: string, _payload: unknown, { timeout }: { readonly timeout: number }) {
      const asked = waits.get(subject) ?? [];
      waits.set(subject, [...asked, timeout]);
      return Promise.reject(new Error("timeout"));
    },
  };
  return { bus: { connection } as unknown as NatsBus, waits };
}

test("B8.3 a stream without a leader is asked briefly at first and longer each time, so that a cell hears of a new leader at once and a slow server is heard too", async () => {
  const { bus, waits } = leaderless();
  const clock = manualClock();
  const making = ensureAssets({ bus, clock, log: silent }, "eu", 3);
  // A leader is waited for a minute.
  for (let halves = 0; halves <= 130; halves += 1) await clock.advance(durationNs(500_000_000));
  const made = await making;
  assert.is(made.ok ? "" : made.failure.code, "unavailable");
  const lease = waits.get("$JS.API.STREAM.INFO.KV_LEASE") ?? [];
  assert.equal(lease.slice(0, 4), [500, 625, 781.25, 976.5625]);
  assert.is(lease.at(-1), 5_000);
});

test.run();
