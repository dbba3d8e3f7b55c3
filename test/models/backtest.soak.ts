import { createReadStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGunzip } from "node:zlib";

import type { MatchingEngine } from "../../actors/kernel/ports/matching-engine.ts";
import { systemClock } from "../../actors/kernel/system-clock.ts";
import { epoch } from "../../actors/kernel/units.ts";
import { inventoryMaker, touchMaker } from "../../actors/models/backtest/market-makers.ts";
import type { Strategy } from "../../actors/models/backtest/strategy.ts";
import { featureStream } from "../../actors/models/microstructure/feature-stream.ts";
import { certain } from "../../actors/models/numerics/failure.ts";
import { backtest } from "../../actors/replay/backtest/backtest.ts";
import { binanceSession } from "../../actors/replay/binance.ts";
import type { SessionSource } from "../../actors/replay/events.ts";
import { lobsterSession } from "../../actors/replay/lobster.ts";
import { survey } from "../../actors/replay/survey.ts";
import { loadNativeEngine } from "../../native/index.ts";
import { PortableEngine } from "../../native/portable/engine.ts";
import type { SoakOptions } from "../soak.ts";
import { fileBytes } from "../support/recorded-session.ts";
import { sharedData } from "../support/shared-data.ts";

/**
 * The recorded AAPL hour and the recorded Binance stream, whole, with both market makers: the native and the
 * portable engine must give the same messages, fills and samples, and refuse the session nothing.
 */
export async function soak({ seed }: SoakOptions): Promise<void> {
  const apple = sharedData("lobster/AAPL_2012-06-21_34200000_37800000_message_deep.csv");
  const bitcoin = sharedData("crypto/binance-usdm-btcusdt_20240808.gz");
  if (apple === null || bitcoin === null)
    throw new Error("the recorded sessions are not beside the checkout");
  const native = loadNativeEngine();
  if (!native.ok) throw new Error(native.failure.reason);
  const sessions: readonly (readonly [string, SessionSource, number])[] = [
    ["AAPL", lobsterSession(fileBytes(apple)), 100],
    [
      "BTCUSDT",
      binanceSession(() => createReadStream(bitcoin).pipe(createGunzip()), {
        queue: "proportional",
        quantityDecimals: 3,
      }),
      1_000,
    ],
  ];
  const limits = { quantity: 50, inventoryBound: 500 };
  const strategies: readonly Strategy<null>[] = [
    certain(touchMaker({ ...limits, depth: 0 })),
    certain(
      inventoryMaker({
        ...limits,
        riskAversion: 0.01,
        volatility: 3,
        decaySeconds: 30,
        arrivalDecay: 0.3,
        horizonSeconds: 10,
        centre: "weighted_mid",
      }),
    ),
  ];
  for (const [name, source, tick] of sessions) {
    // Half a million rows are minutes in the portable engine: one strategy is enough of them.
    for (const strategy of name === "AAPL" ? strategies : strategies.slice(0, 1)) {
      const once = await played(native.value, source, tick, strategy, seed);
      const slow = new PortableEngine({ clock: systemClock() });
      const again = await played(slow, source, tick, strategy, seed);
      await slow.stop();
      if (once.text !== again.text)
        throw new Error(
          `SEED=${seed} ${name}, ${strategy.name}: the engines give different backtests`,
        );
      console.log(`${name}, ${strategy.name}: ${once.fills} fills, the same in both engines`);
    }
  }
  await native.value.stop();
}

async function played(
  host: MatchingEngine,
  source: SessionSource,
  tick: number,
  strategy: Strategy<null>,
  seed: number,
): Promise<{ readonly text: string; readonly fills: number }> {
  const directory = mkdtempSync(join(tmpdir(), "meridian-soak-"));
  const engine = await host.open({ market: "SOAK", directory, epoch: epoch(1) });
  const jitter = { kind: "lognormal", medianNs: 60_000, sigma: 0.5 } as const;
  try {
    const result = await backtest({
      source,
      survey: await survey(source),
      range: null,
      engine,
      tick,
      strategy,
      features: certain(
        featureStream({ decayNs: 30e9, microprice: null, bucketVolume: 5_000, buckets: 50 }),
      ),
      latency: { feed: jitter, order: jitter, response: jitter },
      seed,
      decisionIntervalNs: 0,
      sampleNs: 1e9,
    });
    const { refusals } = result.replay.summary;
    if (result.replay.stopped !== null || Object.keys(refusals).length > 0)
      throw new Error(`SEED=${seed} the session was refused: ${JSON.stringify(refusals)}`);
    const { fills, counts, samples } = result;
    return { text: JSON.stringify({ fills, counts, samples }), fills: fills.length };
  } finally {
    await engine.close();
    rmSync(directory, { recursive: true, force: true });
  }
}
