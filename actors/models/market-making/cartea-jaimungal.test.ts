import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { always, close, near, refusalOf } from "../../../test/models/closeness.ts";
import { seed } from "../../../test/support/seed.ts";
import { certain } from "../numerics/failure.ts";
import { applyScaled, nonNegativeExponential } from "../numerics/matrix-exponential.ts";
import { exponential } from "../random/distributions.ts";
import { modelRandomness } from "../random/generator.ts";
import { avellanedaStoikovControl } from "./avellaneda-stoikov-exact.ts";
import { solveRegimes } from "./cartea-jaimungal-regimes.ts";
import {
  type CarteaJaimungalParameters,
  carteaJaimungalControl,
  expectedReward,
  penaltyOfRiskAversion,
} from "./cartea-jaimungal.ts";
import {
  type QuoteLadder,
  solveControl,
  solveControlByRungeKutta,
  stationaryQuotes,
} from "./inventory-control.ts";

const test = suite("Cartea–Jaimungal");
const SEED = seed(8_214_690_731);

const uneven: CarteaJaimungalParameters = {
  buyRate: 6,
  sellRate: 4,
  arrivalDecay: 10,
  runningPenalty: 0.02,
  terminalPenalty: 0.01,
  inventoryBound: 10,
};
const solved = (parameters: CarteaJaimungalParameters, timeLeft: number): QuoteLadder =>
  certain(solveControl(certain(carteaJaimungalControl(parameters)), timeLeft));

test("B4.3 the quotes equal those of the definition, with buyers and sellers of different rates", () => {
  // The matrix as the book writes it, rows and columns by rising inventory, and nothing shared.
  const { buyRate, sellRate, arrivalDecay: kappa, inventoryBound: bound } = uneven;
  const size = 2 * bound + 1;
  const shift = uneven.runningPenalty * kappa * bound * bound;
  const matrix = new Float64Array(size * size);
  for (let q = -bound; q <= bound; q += 1) {
    const row = (q + bound) * size;
    matrix[row + q + bound] = shift - uneven.runningPenalty * kappa * q * q;
    if (q > -bound) matrix[row + q - 1 + bound] = buyRate / Math.E;
    if (q < bound) matrix[row + q + 1 + bound] = sellRate / Math.E;
  }
  const end = Float64Array.from({ length: size }, (_, i) =>
    Math.exp(-uneven.terminalPenalty * kappa * (i - bound) ** 2),
  );
  const w = new Float64Array(size);
  applyScaled(certain(nonNegativeExponential(matrix, size, 10)), end, w);
  const h = w.map((value) => Math.log(value) / kappa);
  const { bid, ask } = solved(uneven, 10);
  for (let q = -bound; q < bound; q += 1) {
    const i = q + bound;
    near(bid[i]!, 1 / kappa - h[i + 1]! + h[i]!, 1e-11, `bid ${q}`);
    near(ask[i + 1]!, 1 / kappa - h[i]! + h[i + 1]!, 1e-11, `ask ${q + 1}`);
  }
  // More buyers than sellers: the dealer asks more and bids more.
  assert.ok(ask[bound]! > bid[bound]!);
});

test("B4.3 swapping buyers with sellers mirrors the quotes", () => {
  const rate = fc.double({ min: 0.5, max: 50, noNaN: true });
  const impact = fc.double({ min: 0, max: 0.1, noNaN: true });
  always(
    SEED,
    fc.tuple(rate, rate, impact, impact),
    ([buyRate, sellRate, up, down]) => {
      const one = solved({ ...uneven, buyRate, sellRate, buyImpact: up, sellImpact: down }, 2);
      const other = solved(
        { ...uneven, buyRate: sellRate, sellRate: buyRate, buyImpact: down, sellImpact: up },
        2,
      );
      return one.bid.every(
        (bid, index) => index === 20 || close(bid, other.ask[20 - index]!, 1e-9),
      );
    },
    50,
  );
});

test("B4.3 with impacts that balance, it is the base model with rarer fills and wider quotes", () => {
  const buyImpact = 0.04;
  const sellImpact = 0.06;
  const withImpact = solved({ ...uneven, buyImpact, sellImpact }, 5);
  const base = solved(
    {
      ...uneven,
      buyRate: uneven.buyRate * Math.exp(-10 * buyImpact),
      sellRate: uneven.sellRate * Math.exp(-10 * sellImpact),
    },
    5,
  );
  for (let index = 0; index < 20; index += 1) {
    near(withImpact.bid[index]!, base.bid[index]! + sellImpact, 1e-12);
    near(withImpact.ask[index + 1]!, base.ask[index + 1]! + buyImpact, 1e-12);
  }
});

test("B4.3 phi = gamma sigma^2 / 2 makes it the risk-neutral dealer of Guéant", () => {
  const gamma = 0.01;
  const volatility = 0.3;
  const phi = certain(penaltyOfRiskAversion(gamma, volatility));
  const cartea = solved(
    {
      buyRate: 0.9,
      sellRate: 0.9,
      arrivalDecay: 0.3,
      runningPenalty: phi,
      terminalPenalty: 0,
      inventoryBound: 30,
    },
    600,
  );
  const gueant = certain(
    solveControl(
      certain(
        avellanedaStoikovControl({
          riskAversion: gamma,
          fillRiskAversion: 0,
          volatility,
          arrivalRate: 0.9,
          arrivalDecay: 0.3,
          inventoryBound: 30,
        }),
      ),
      600,
    ),
  );
  for (let index = 0; index < 60; index += 1) near(cartea.bid[index]!, gueant.bid[index]!, 1e-12);
  near(
    certain(penaltyOfRiskAversion(gamma, volatility, { rate: 0.02, deviation: 1.5 })),
    6.75e-4,
    1e-12,
  );
});

test("B4.3 Runge–Kutta agrees with the series, and a long horizon with the stationary quotes", () => {
  const control = certain(
    carteaJaimungalControl({ ...uneven, buyImpact: 0.05, sellImpact: 0.04, drift: 0.02 }),
  );
  const series = certain(solveControl(control, 3));
  const runge = certain(solveControlByRungeKutta(control, 3, 3_000));
  const late = certain(solveControl(control, 100));
  const stationary = certain(stationaryQuotes(control));
  for (let index = 0; index < 20; index += 1) {
    near(series.bid[index]!, runge.bid[index]!, 1e-9);
    near(late.bid[index]!, stationary.bid[index]!, 1e-10);
  }
});

test("B4.3 at the horizon the quotes are those of the terminal penalty alone", () => {
  const { bid, ask } = solved(uneven, 0);
  near(bid[12]!, 0.1 + 0.01 * (9 - 4), 1e-12);
  near(ask[12]!, 0.1 + 0.01 * (1 - 4), 1e-12);
});

/**
 * One path of X + Q S - alpha Q^2 - phi integral of Q^2, by events: market orders as two Poisson processes, quotes
 * held over 1/400 of the horizon. A policy that is off by dt loses dt^2, so the mean is h to that order.
 */
function simulatedRewards(parameters: CarteaJaimungalParameters, horizon: number, paths: number) {
  const buckets = 400;
  const { buyImpact = 0, sellImpact = 0, inventoryBound: bound } = parameters;
  const ladders = Array.from({ length: buckets }, (_, index) =>
    solved(parameters, horizon * (1 - (index + 0.5) / buckets)),
  );
  const random = modelRandomness(SEED);
  const total = parameters.buyRate + parameters.sellRate;
  return Float64Array.from({ length: paths }, () => {
    let mid = 0;
    let cash = 0;
    let inventory = 0;
    let held = 0;
    for (let time = 0; ; ) {
      const wait = exponential(random, total);
      held += inventory * inventory * Math.min(wait, horizon - time);
      time += wait;
      if (time >= horizon) break;
      const ladder = ladders[Math.floor((time / horizon) * buckets)]!;
      const buys = random.unit() * total < parameters.buyRate;
      const distance = (buys ? ladder.ask : ladder.bid)[inventory + bound]!;
      const filled = random.unit() < Math.exp(-parameters.arrivalDecay * distance);
      if (filled) cash += buys ? mid + distance : distance - mid;
      if (filled) inventory += buys ? -1 : 1;
      mid += buys ? buyImpact : -sellImpact;
    }
    return (
      cash +
      inventory * mid -
      parameters.terminalPenalty * inventory * inventory -
      parameters.runningPenalty * held
    );
  });
}

test("B4.3 the mean simulated reward is h(0, 0), with and without adverse selection", () => {
  const settings: readonly (readonly [CarteaJaimungalParameters, number, number])[] = [
    [
      {
        buyRate: 50,
        sellRate: 50,
        arrivalDecay: 2,
        runningPenalty: 0.01,
        terminalPenalty: 0.001,
        inventoryBound: 100,
      },
      1,
      3_000,
    ],
    [{ ...uneven, buyRate: 5, sellRate: 5, buyImpact: 0.05, sellImpact: 0.05 }, 10, 6_000],
    [uneven, 10, 6_000],
  ];
  for (const [parameters, horizon, paths] of settings) {
    const rewards = simulatedRewards(parameters, horizon, paths);
    const mean = rewards.reduce((sum, one) => sum + one, 0) / paths;
    const variance = rewards.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (paths - 1);
    const error = Math.sqrt(variance / paths);
    const expected = certain(expectedReward(parameters, solved(parameters, horizon), 0));
    assert.ok(
      Math.abs(mean - expected) < 4 * error,
      `mean ${mean}, standard error ${error}, h ${expected}, SEED=${SEED}`,
    );
    assert.ok(error < 0.02 * expected, "the test can tell");
  }
});

test("B4.3 without switching regimes are apart, and equal regimes are one", () => {
  const other = { ...uneven, runningPenalty: 0.1 };
  const still = [
    [0, 0],
    [0, 0],
  ];
  const apart = certain(solveRegimes([uneven, other], still, 3, 3_000));
  const switching = [
    [-2, 2],
    [1, -1],
  ];
  const equal = certain(solveRegimes([uneven, uneven], switching, 3, 3_000));
  for (let index = 0; index < 20; index += 1) {
    near(apart[0]!.bid[index]!, solved(uneven, 3).bid[index]!, 1e-9);
    near(apart[1]!.bid[index]!, solved(other, 3).bid[index]!, 1e-9);
    near(equal[0]!.bid[index]!, solved(uneven, 3).bid[index]!, 1e-9);
    near(equal[1]!.ask[index + 1]!, solved(uneven, 3).ask[index + 1]!, 1e-9);
  }
  const mixed = certain(solveRegimes([uneven, other], switching, 3, 3_000));
  assert.ok(Math.abs(mixed[0]!.bid[15]! - apart[0]!.bid[15]!) > 1e-3, "switching matters");
  // Very fast switching leaves only the mean of the penalties, weighted by the time spent in each: 1/3, 2/3.
  const fast = certain(
    solveRegimes(
      [uneven, other],
      switching.map((row) => row.map((rate) => rate * 1e4)),
      1,
      30_000,
    ),
  );
  const averaged = solved({ ...uneven, runningPenalty: (0.02 + 2 * 0.1) / 3 }, 1);
  near(fast[0]!.bid[13]!, averaged.bid[13]!, 1e-4);
});

test("B4.3 wrong parameters are refused with the reason", () => {
  const code = (wrong: Partial<CarteaJaimungalParameters>): string =>
    refusalOf(carteaJaimungalControl({ ...uneven, ...wrong }));
  assert.is(code({ buyRate: 0 }), "out_of_range buyRate = 0");
  assert.is(code({ runningPenalty: -1 }), "out_of_range runningPenalty = -1");
  assert.is(code({ sellImpact: Number.NaN }), "not_finite sellImpact = NaN");
  const regimes = (generator: readonly (readonly number[])[]): string =>
    refusalOf(solveRegimes([uneven, uneven], generator, 1, 100));
  assert.match(regimes([[0]]), "wrong_shape a generator of 1 rows");
  assert.match(
    regimes([
      [-1, 2],
      [1, -1],
    ]),
    "out_of_range generator row 0",
  );
  assert.match(
    regimes([
      [1, -1],
      [1, -1],
    ]),
    "out_of_range generator row 0",
  );
  assert.match(
    regimes([
      [Number.NaN, 0],
      [0, 0],
    ]),
    "not_finite generator row 0",
  );
  assert.match(
    refusalOf(
      solveRegimes(
        [uneven, { ...uneven, inventoryBound: 5 }],
        [
          [0, 0],
          [0, 0],
        ],
        1,
        100,
      ),
    ),
    "wrong_shape inventory bounds",
  );
  assert.match(refusalOf(solveRegimes([], [], 1, 100)), "out_of_range regimes = 0");
});

test.run();
