import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { always, close, near, refusalOf } from "../../../test/models/closeness.ts";
import { seed } from "../../../test/support/seed.ts";
import { certain } from "../numerics/failure.ts";
import { Matrix } from "../numerics/linear-algebra.ts";
import { standardNormal } from "../random/distributions.ts";
import { modelRandomness } from "../random/generator.ts";
import { ewmaCovariance } from "../volatility/dynamic-correlation.ts";
import { avellanedaStoikovControl } from "./avellaneda-stoikov-exact.ts";
import { twoAssets } from "./gueant-lehalle-tapia-multi.oracles.ts";
import {
  bestHedge,
  covarianceMoved,
  inventoryDeviation,
  multiAssetAt,
  type MultiAssetParameters,
  multiAssetQuotes,
  stationaryMultiAsset,
  writeMultiAssetQuotes,
} from "./gueant-lehalle-tapia-multi.ts";
import { gueantLehalleTapiaQuotes } from "./gueant-lehalle-tapia.ts";
import { solveControl } from "./inventory-control.ts";
import { solveTwoAssets, twoAssetQuotes } from "./two-asset-exact.ts";

const test = suite("Guéant–Lehalle–Tapia, several assets");
const SEED = seed(8_214_690_731);

const quotesOf = (parameters: MultiAssetParameters, inventories: readonly number[]) =>
  certain(multiAssetQuotes(certain(stationaryMultiAsset(parameters)), inventories));
const diagonal: MultiAssetParameters = {
  ...twoAssets,
  covariance: new Matrix([
    [0.09, 0],
    [0, 0.04],
  ]),
};

/** A covariance that is positive definite by construction, and markets to go with it. */
const drawn = fc.integer({ min: 1, max: 6 }).chain((assets) =>
  fc.record({
    loadings: fc.array(
      fc.array(fc.double({ min: -1, max: 1, noNaN: true }), {
        minLength: assets,
        maxLength: assets,
      }),
      { minLength: assets, maxLength: assets },
    ),
    rates: fc.array(fc.double({ min: 0.2, max: 20, noNaN: true }), {
      minLength: assets,
      maxLength: assets,
    }),
    decays: fc.array(fc.double({ min: 0.1, max: 5, noNaN: true }), {
      minLength: assets,
      maxLength: assets,
    }),
    held: fc.array(fc.integer({ min: -20, max: 20 }), { minLength: assets, maxLength: assets }),
  }),
);
function parametersOf(market: {
  readonly loadings: readonly (readonly number[])[];
  readonly rates: readonly number[];
  readonly decays: readonly number[];
}): MultiAssetParameters {
  const loadings = new Matrix(market.loadings);
  const covariance = loadings.mmul(loadings.transpose()).add(Matrix.eye(loadings.rows).mul(0.01));
  return {
    riskAversion: 0.02,
    covariance,
    arrivalRates: market.rates,
    arrivalDecays: market.decays,
  };
}

test("B4.2 one asset, or uncorrelated ones, give the single-asset closed form", () => {
  const lots = [2, 0.5];
  const inventories = [6, -1];
  for (const fillRiskAversion of [0.01, 0]) {
    const { bids, asks } = quotesOf({ ...diagonal, lots, fillRiskAversion }, inventories);
    for (const [i, volatility] of [0.3, 0.2].entries()) {
      const market = {
        riskAversion: 0.01,
        fillRiskAversion,
        volatility,
        arrivalRate: diagonal.arrivalRates[i]!,
        arrivalDecay: diagonal.arrivalDecays[i]!,
        lot: lots[i]!,
      };
      const single = certain(gueantLehalleTapiaQuotes(market, inventories[i]!));
      near(bids[i]!, single.bid, 1e-12);
      near(asks[i]!, single.ask, 1e-12);
      const alone = quotesOf(
        {
          riskAversion: 0.01,
          fillRiskAversion,
          covariance: new Matrix([[volatility ** 2]]),
          arrivalRates: [market.arrivalRate],
          arrivalDecays: [market.arrivalDecay],
          lots: [market.lot],
        },
        [inventories[i]!],
      );
      near(alone.bids[0]!, single.bid, 1e-12);
    }
  }
});

test("B4.2 without risk aversion each asset is quoted at c", () => {
  const { bids, asks } = quotesOf({ ...twoAssets, riskAversion: 0 }, [5, -3]);
  near(bids[0]!, 1 / 0.3, 1e-12);
  near(asks[1]!, 1 / 0.4, 1e-12);
});

test("B4.2 relabelling the assets permutes the quotes, and opposite inventories mirror them", () => {
  always(
    SEED,
    drawn,
    (market) => {
      const { bids, asks } = quotesOf(parametersOf(market), market.held);
      const turned = {
        loadings: market.loadings.toReversed(),
        rates: market.rates.toReversed(),
        decays: market.decays.toReversed(),
      };
      const other = quotesOf(parametersOf(turned), market.held.toReversed());
      const mirrored = quotesOf(
        parametersOf(market),
        market.held.map((held) => -held),
      );
      return (
        bids.every(
          (bid, i) =>
            close(bid, other.bids[bids.length - 1 - i]!, 1e-8) &&
            close(bid, mirrored.asks[i]!, 1e-12),
        ) && asks.every(Number.isFinite)
      );
    },
    100,
  );
});

test("B4.2 M solves the stationary Riccati equation 4 M Dg M = gamma Sigma / 2", () => {
  always(
    SEED,
    drawn,
    (market) => {
      const parameters = parametersOf(market);
      const { curvature, assets } = certain(stationaryMultiAsset(parameters));
      const xi = parameters.riskAversion;
      const flow = market.rates.map(
        (rate, i) =>
          rate * market.decays[i]! * (1 + xi / market.decays[i]!) ** -(market.decays[i]! / xi + 1),
      );
      for (let i = 0; i < assets; i += 1) {
        for (let j = 0; j < assets; j += 1) {
          let product = 0;
          for (let l = 0; l < assets; l += 1) {
            product += curvature[i * assets + l]! * flow[l]! * curvature[l * assets + j]!;
          }
          const risk = (xi / 2) * parameters.covariance.get(i, j);
          if (Math.abs(4 * product - risk) > 1e-12 + 1e-8 * Math.abs(risk)) return false;
        }
      }
      return true;
    },
    100,
  );
});

test("B4.2 far from the horizon the Riccati equation gives the stationary quotes, at it the penalty", () => {
  const stationary = certain(stationaryMultiAsset(twoAssets));
  const late = certain(multiAssetAt(twoAssets, 2_000, 2_000));
  for (const [index, value] of stationary.curvature.entries())
    near(late.curvature[index]!, value, 1e-8);
  const penalty = new Matrix([
    [0.5, 0.1],
    [0.1, 0.4],
  ]);
  const now = certain(multiAssetAt(twoAssets, 0, 1, penalty));
  assert.equal([...now.curvature], [0.5, 0.1, 0.1, 0.4]);
  // One asset: M' = gamma sigma^2 / 2 - 4 g M^2 has the solution sqrt(a / b) tanh(sqrt(a b) s).
  const single: MultiAssetParameters = {
    riskAversion: 0.01,
    covariance: new Matrix([[0.09]]),
    arrivalRates: [0.9],
    arrivalDecays: [0.3],
  };
  const g = 0.9 * 0.3 * (1 + 0.01 / 0.3) ** -31;
  const exact = Math.sqrt(4.5e-4 / (4 * g)) * Math.tanh(Math.sqrt(4.5e-4 * 4 * g) * 20);
  near(certain(multiAssetAt(single, 20, 200)).curvature[0]!, exact, 1e-10);
});

test("B4.2 the exact two-asset solver decouples into two exact single-asset ones", () => {
  const solution = certain(solveTwoAssets(diagonal, 6, 30, 300));
  for (const [i, volatility] of [0.3, 0.2].entries()) {
    const control = certain(
      avellanedaStoikovControl({
        riskAversion: 0.01,
        volatility,
        arrivalRate: diagonal.arrivalRates[i]!,
        arrivalDecay: diagonal.arrivalDecays[i]!,
        inventoryBound: 6,
      }),
    );
    const { bid, ask } = certain(solveControl(control, 30));
    for (const q of [-6, -1, 0, 3, 5]) {
      const both = certain(twoAssetQuotes(solution, i === 0 ? q : 2, i === 0 ? 2 : q));
      near(both[i]!, bid[q + 6]!, 1e-8, `bid ${q}`);
      if (q > -6) near(both[2 + i]!, ask[q + 6]!, 1e-8, `ask ${q}`);
    }
  }
});

test("B4.2 the closed form is near the exact solution, and a tight inventory bound is felt", () => {
  // |q| <= 14 is too tight for assets that revert slowly along the hedged direction; 34 is in the soak.
  const value = certain(stationaryMultiAsset(twoAssets));
  const [a, b, , d] = value.curvature;
  const penalty = (x: number, y: number): number => -(a! * x * x + 2 * b! * x * y + d! * y * y);
  const solution = certain(solveTwoAssets(twoAssets, 14, 600, 1_200, penalty));
  const at = certain(twoAssetQuotes(solution, 1, 0));
  const far = certain(twoAssetQuotes(solution, 3, -2));
  assert.ok(Math.abs(at[0] - 3.38288) < 1e-5, `${at[0]}`);
  assert.ok(Math.abs(at[1] - 2.50309) < 1e-5, `${at[1]}`);
  assert.ok(Math.abs(far[0] - 3.49526) < 1e-5, `${far[0]}`);
  const closed = certain(multiAssetQuotes(value, [3, -2])).bids[0]!;
  assert.ok(Math.abs(closed / 3.46539818 - 1) < 3e-4, "near the solution of wide bounds");
  assert.ok(Math.abs(closed / far[0] - 1) > 5e-3, "and not of these");
});

test("B4.2 the inventory's deviation is that of the law that the quotes leave", () => {
  const single: MultiAssetParameters = {
    riskAversion: 0.01,
    covariance: new Matrix([[0.09]]),
    arrivalRates: [0.9],
    arrivalDecays: [0.3],
  };
  const value = certain(stationaryMultiAsset(single));
  // Fills are births and deaths: in balance the flows between neighbours are equal.
  const law = new Float64Array(201);
  law[0] = 1;
  for (let q = -100; q < 100; q += 1) {
    const [bid] = certain(multiAssetQuotes(value, [q])).bids;
    const [ask] = certain(multiAssetQuotes(value, [q + 1])).asks;
    law[q + 101] = law[q + 100]! * Math.exp(-0.3 * (bid! - ask!));
  }
  const total = law.reduce((sum, one) => sum + one, 0);
  const variance = law.reduce((sum, one, i) => sum + one * (i - 100) ** 2, 0) / total;
  near(certain(inventoryDeviation(value, [0.3])), Math.sqrt(variance), 1e-6);
  // Two assets: 14 lots are less than two deviations along the hedged direction, 34 more than four.
  const both = certain(inventoryDeviation(certain(stationaryMultiAsset(twoAssets)), [0.3, 0.4]));
  assert.ok(14 < 2 * both && 34 > 3.9 * both, `${both}`);
  const flat = certain(stationaryMultiAsset({ ...twoAssets, riskAversion: 0 }));
  assert.match(refusalOf(inventoryDeviation(flat, [0.3, 0.4])), "undefined");
});

test("B4.2 inside the no-trade band nothing is hedged, outside the most useful asset is traded", () => {
  const value = certain(stationaryMultiAsset(twoAssets));
  const cheap = [
    { halfSpread: 0.1, fee: 0.01 },
    { halfSpread: 0.1, fee: 0.01 },
  ];
  assert.is(certain(bestHedge(value, [0, 0], cheap)), null);
  assert.is(certain(bestHedge(value, [2, 0], cheap)), null, "2 * 2 * 0.0317 - 0.0317 < 0.11");
  const sold = certain(bestHedge(value, [3, 0], cheap))!;
  assert.is(sold.asset, 0);
  assert.is(sold.quantity, -1);
  near(sold.gain, 5 * 0.0317084631437342 - 0.11, 1e-12);
  // The first asset is dear: its risk is hedged in the second, of which none is held.
  const dear = [{ halfSpread: 5, fee: 0 }, cheap[1]!];
  const cross = certain(bestHedge(value, [10, 0], dear))!;
  assert.is(cross.asset, 1);
  assert.is(cross.quantity, -1);
  const bought = certain(bestHedge(value, [-10, 0], dear))!;
  assert.is(bought.quantity, 1);
  near(bought.gain, cross.gain, 1e-12);
});

/**
 * Mean spread earned less what hedges cost and less gamma q' Sigma q / 2 per second, over one path each of steps of
 * 0.05 s; mids are martingales and leave the mean alone. Hedges in the second asset only, as soon as they gain.
 */
function earned(
  parameters: MultiAssetParameters,
  cost: number,
  seconds: number,
  from: number,
): number {
  const value = certain(stationaryMultiAsset(parameters));
  const random = modelRandomness(from);
  const { covariance, arrivalRates, arrivalDecays, riskAversion } = parameters;
  const step = 0.05;
  const held = new Float64Array(2);
  const bids = new Float64Array(2);
  const asks = new Float64Array(2);
  const costs = [
    { halfSpread: 1e6, fee: 0 },
    { halfSpread: cost, fee: 0 },
  ];
  let reward = 0;
  for (let time = 0; time < seconds; time += step) {
    writeMultiAssetQuotes(value, held, bids, asks);
    for (const asset of [0, 1]) {
      const decay = arrivalDecays[asset]!;
      const rate = arrivalRates[asset]! * step;
      const buying = rate * Math.exp(-decay * bids[asset]!);
      const selling = rate * Math.exp(-decay * asks[asset]!);
      // What fills are expected to earn: the same mean as what they do, with less noise.
      reward += buying * bids[asset]! + selling * asks[asset]!;
      const bought = random.unit() < buying;
      const sold = random.unit() < selling;
      held[asset]! += Number(bought) - Number(sold);
    }
    const hedge = certain(bestHedge(value, held, costs));
    if (hedge !== null) {
      held[hedge.asset]! += hedge.quantity;
      reward -= cost;
    }
    const variance =
      held[0]! ** 2 * covariance.get(0, 0) +
      2 * held[0]! * held[1]! * covariance.get(0, 1) +
      held[1]! ** 2 * covariance.get(1, 1);
    reward -= (riskAversion / 2) * variance * step;
  }
  return reward / seconds;
}

test("B4.2 hedging outside the no-trade band earns more than never hedging", () => {
  const parameters: MultiAssetParameters = { ...twoAssets, riskAversion: 0.1, fillRiskAversion: 0 };
  const paths = 20;
  const gains = Array.from({ length: paths }, (_, path) => {
    const never = earned(parameters, 1e6, 400, SEED + path);
    return earned(parameters, 0.05, 400, SEED + path) - never;
  });
  const mean = gains.reduce((sum, gain) => sum + gain, 0) / paths;
  const variance = gains.reduce((sum, gain) => sum + (gain - mean) ** 2, 0) / (paths - 1);
  const t = mean / Math.sqrt(variance / paths);
  assert.ok(t > 3, `mean gain ${mean}, t ${t}, SEED=${SEED}`);
});

test("B4.2 a hedge is worth what it adds to theta", () => {
  always(SEED, drawn, (market) => {
    const value = certain(stationaryMultiAsset(parametersOf(market)));
    const costs = market.rates.map(() => ({ halfSpread: 0.01, fee: 0 }));
    const theta = (held: readonly number[]): number =>
      -held.reduce(
        (sum, one, i) =>
          sum +
          one * held.reduce((s, other, j) => s + value.curvature[i * value.assets + j]! * other, 0),
        0,
      );
    const gains = market.held.flatMap((_, asset) =>
      [-1, 1].map((side) => {
        const traded = market.held.map((held, i) => (i === asset ? held + side : held));
        return theta(traded) - theta(market.held) - 0.01;
      }),
    );
    const best = certain(bestHedge(value, market.held, costs));
    const most = Math.max(...gains);
    return best === null ? most <= 1e-9 : Math.abs(best.gain - most) < 1e-9 * (1 + Math.abs(most));
  });
});

test("B4.2 quotes and hedges follow a correlation that moves", () => {
  const random = modelRandomness(SEED);
  const observe = (start: Matrix, correlation: number): Matrix => {
    const returns = Array.from({ length: 2_000 }, () => {
      const common = standardNormal(random);
      const own = standardNormal(random);
      return [0.3 * common, 0.2 * (correlation * common + Math.sqrt(1 - correlation ** 2) * own)];
    });
    return certain(ewmaCovariance(returns, start.to2DArray(), 0.99));
  };
  const costs = [
    { halfSpread: 5, fee: 0 },
    { halfSpread: 0.05, fee: 0 },
  ];
  const together = observe(diagonal.covariance, 0.8);
  const apart = observe(together, -0.8);
  assert.ok(covarianceMoved(together, apart));
  assert.not.ok(covarianceMoved(together, together));
  for (const [covariance, side] of [
    [together, 1],
    [apart, -1],
  ] as const) {
    const value = certain(stationaryMultiAsset({ ...twoAssets, covariance }));
    // Long the first asset: the second is bid for less eagerly when it moves with the first, more when against.
    const { bids, asks } = certain(multiAssetQuotes(value, [10, 0]));
    assert.is(Math.sign(bids[1]! - asks[1]!), side, `SEED=${SEED}`);
    assert.is(certain(bestHedge(value, [10, 0], costs))!.quantity, -side, `SEED=${SEED}`);
  }
});

test("B4.2 what writes into the caller's arrays gives the same numbers", () => {
  const value = certain(stationaryMultiAsset(twoAssets));
  const { bids, asks } = certain(multiAssetQuotes(value, [3, -2]));
  const into = [new Float64Array(2), new Float64Array(2)] as const;
  writeMultiAssetQuotes(value, Float64Array.of(3, -2), into[0], into[1]);
  assert.equal(into, [bids, asks]);
});

test("B4.2 wrong parameters are refused with the reason", () => {
  const code = (wrong: Partial<MultiAssetParameters>): string =>
    refusalOf(stationaryMultiAsset({ ...twoAssets, ...wrong }));
  assert.match(code({ arrivalRates: [1] }), "wrong_shape");
  assert.match(code({ arrivalRates: [1, 0] }), "out_of_range arrivalRates[1] = 0");
  assert.match(code({ covariance: new Matrix([[1]]) }), "wrong_shape a covariance of 1 assets");
  assert.match(
    code({
      covariance: new Matrix([
        [1, 2],
        [2, 1],
      ]),
    }),
    "not_positive_definite",
  );
  assert.match(code({ lots: [1] }), "wrong_shape");
  assert.match(refusalOf(multiAssetAt(twoAssets, 2_000, 3)), "not_converged");
  const value = certain(stationaryMultiAsset(twoAssets));
  assert.match(refusalOf(multiAssetQuotes(value, [1])), "wrong_shape");
  assert.match(refusalOf(multiAssetQuotes(value, [1, Number.NaN])), "not_finite");
  assert.match(refusalOf(bestHedge(value, [1, 1], [])), "wrong_shape");
});

test.run();
