import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { accountId, epoch, priceTicks, quantityLots } from "../../actors/kernel/units.ts";
import { loadNativeEngine, type NativeMarket } from "../../native/index.ts";

const configuredWithinMs = 60_000;

/** A reactor of this process with one market, ACME, that takes orders at once; gone with its log afterwards. */
export async function withOuchMarket(body: (market: NativeMarket) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "ouch-market-"));
  const loaded = loadNativeEngine();
  if (!loaded.ok) throw new Error(loaded.failure.reason);
  const engine = loaded.value;
  try {
    const request = { market: "ACME", directory: join(root, "log"), epoch: epoch(1) };
    const market = (await engine.open(request)) as NativeMarket;
    let events = 0;
    market.onEvents(() => market.drain(() => (events += 1), 1_000_000));
    market.offer({
      kind: "configure",
      session: 0,
      number: 0,
      account: accountId(1),
      tag: 1,
      bandLow: priceTicks(1),
      bandHigh: priceTicks(1_000_000),
      maximumQuantity: quantityLots(1_000_000),
      orderCapacity: 100_000,
      mode: "matched",
    });
    market.flush();
    const limit = performance.now() + configuredWithinMs;
    const isConfigured = (): boolean => events > 0;
    while (!isConfigured()) {
      if (performance.now() > limit) throw new Error("the market was not configured");
      await sleep(5);
    }
    await body(market);
  } finally {
    await engine.stop();
    await rm(root, { recursive: true, force: true });
  }
}
