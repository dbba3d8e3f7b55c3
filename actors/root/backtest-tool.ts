import { createReadStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";

import { loadNativeEngine } from "../../native/index.ts";
import { PortableEngine } from "../../native/portable/engine.ts";
import type { MatchingEngine } from "../kernel/ports/matching-engine.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import { systemClock } from "../kernel/system-clock.ts";
import { epoch } from "../kernel/units.ts";
import { inventoryMaker, touchMaker } from "../models/backtest/market-makers.ts";
import type { Strategy } from "../models/backtest/strategy.ts";
import { featureStream } from "../models/microstructure/feature-stream.ts";
import type { ModelResult } from "../models/numerics/failure.ts";
import { backtest } from "../replay/backtest/backtest.ts";
import { reportCharts } from "../replay/backtest/charts.ts";
import { constantDelay, type DelayModel } from "../replay/backtest/latency.ts";
import { reportOf } from "../replay/backtest/report.ts";
import { type BacktestRequest, parseRequest } from "../replay/backtest/request.ts";
import { binanceSession } from "../replay/binance.ts";
import type { ByteSource, SessionSource } from "../replay/events.ts";
import { lobsterSession } from "../replay/lobster.ts";
import { survey } from "../replay/survey.ts";
import { surveyRange } from "../replay/unseen.ts";

/**
 * Runs one backtest in the real engine; `meridian backtest` runs it: `node actors/root/backtest-tool.ts
 * REQUEST`, a JSON of actors/replay/backtest/request.ts. Prints one JSON value a line: progress, and a
 * Result at the end. Writes its plots only where the request says so.
 */

const say = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value)}\n`);
};

async function run(text: string): Promise<Result<unknown>> {
  const request = parseRequest(text);
  if (!request.ok) return request;
  const host = engineOf(request.value);
  if (!host.ok) return host;
  const directory = mkdtempSync(join(tmpdir(), "meridian-backtest-"));
  try {
    return await runIn(host.value, directory, request.value);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return refuse("file_unreadable", (error as Error).message, "check the path and its mode");
  } finally {
    await host.value.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function runIn(
  host: MatchingEngine,
  directory: string,
  request: BacktestRequest,
): Promise<Result<unknown>> {
  const strategy = strategyOf(request);
  if (!strategy.ok) return strategy;
  const features = featureStream({
    decayNs: request.decaySeconds * 1e9,
    microprice: null,
    bucketVolume: request.bucketLots,
    buckets: 50,
  });
  if (!features.ok) return features;
  const source = sourceOf(request);
  const surveyed = await survey(source);
  if (surveyed.orderRows === 0) {
    return refuse(
      "file_format",
      `no line of ${request.file} is about an order`,
      "meridian backtest --help names the formats",
    );
  }
  const tick = request.tick ?? surveyed.tick;
  const range =
    request.levels === null ? null : await surveyRange(source, surveyed.seeds, request.levels);
  const engine = await host.open({ market: "backtest", directory, epoch: epoch(1) });
  const result = await backtest({
    source,
    survey: surveyed,
    range,
    engine,
    tick,
    strategy: strategy.value,
    features: features.value,
    latency: {
      feed: delay(request.feedLatencyNs, request.jitter),
      order: delay(request.orderLatencyNs, request.jitter),
      response: delay(request.feedLatencyNs, request.jitter),
    },
    seed: request.seed,
    decisionIntervalNs: request.decisionIntervalNs,
    sampleNs: request.sampleNs,
    onProgress: (rows) => {
      if (rows % PROGRESS_ROWS === 0) say({ rows, of: surveyed.rows });
    },
  });
  await engine.close();
  if (result.replay.stopped !== null) return { ok: false, failure: result.replay.stopped };
  const lotSize = request.format === "binance" ? 10 ** -request.quantityDecimals : 1;
  const reported = reportOf(result, {
    makerFeePpm: request.makerFeePpm,
    takerFeePpm: request.takerFeePpm,
    markoutsNs: request.markoutsNs,
    sharpe: { confidence: 0.95, samples: 2_000, meanBlock: 20 },
    seed: request.seed,
    tickValue: tick * 1e-4 * lotSize,
  });
  if (!reported.ok) return reported;
  const { report, curves } = reported.value;
  const plots = request.plots === null ? [] : reportCharts(basename(request.file), report, curves);
  if (request.plots !== null) {
    mkdirSync(request.plots, { recursive: true });
    for (const { name, svg } of plots) writeFileSync(join(request.plots, name), svg);
  }
  return ok({
    file: request.file,
    engine: host.implementation,
    strategy: strategy.value.name,
    tick,
    report,
    plots: plots.map(({ name }) => join(request.plots ?? "", name)),
  });
}

const PROGRESS_ROWS = 16_384;

function engineOf({ engine }: BacktestRequest): Result<MatchingEngine> {
  if (engine !== "portable") {
    const native = loadNativeEngine();
    if (native.ok) return ok(native.value);
    if (engine === "native") return native;
  }
  return ok(new PortableEngine({ clock: systemClock() }));
}

function strategyOf(request: BacktestRequest): ModelResult<Strategy<null>> {
  const limits = { quantity: request.quantity, inventoryBound: request.inventoryBound };
  if (request.strategy === "touch") return touchMaker({ ...limits, depth: request.depth });
  return inventoryMaker({
    ...limits,
    riskAversion: request.riskAversion,
    volatility: request.volatility,
    decaySeconds: request.decaySeconds,
    arrivalDecay: request.arrivalDecay,
    horizonSeconds: request.horizonSeconds,
    centre: "weighted_mid",
  });
}

function sourceOf(request: BacktestRequest): SessionSource {
  const bytes: ByteSource = () => {
    const stream = createReadStream(request.file, { highWaterMark: 1024 * 1024 });
    // The error of a damaged file comes out of the stream that is read.
    return request.compressed ? (pipeline(stream, createGunzip(), () => {}) as Readable) : stream;
  };
  return request.format === "binance"
    ? binanceSession(bytes, { queue: request.queue, quantityDecimals: request.quantityDecimals })
    : lobsterSession(bytes);
}

const delay = (medianNs: number, jitter: number): DelayModel =>
  jitter === 0 ? constantDelay(medianNs) : { kind: "lognormal", medianNs, sigma: jitter };

say(await run(process.argv[2] ?? ""));
