import { suite } from "uvu";
import * as assert from "uvu/assert";

import { near, refusalOf } from "../../../test/models/closeness.ts";
import { certain } from "../numerics/failure.ts";
import { integrate } from "../numerics/ordinary-differential.ts";
import { carteaJaimungalControl } from "./cartea-jaimungal.ts";
import { solveControl } from "./inventory-control.ts";
import { symmetricAlpha, unevenAlpha } from "./short-term-alpha.oracles.ts";
import {
  type AlphaSurface,
  lookUpAlphaQuotes,
  type ShortTermAlphaParameters,
  solveShortTermAlpha,
} from "./short-term-alpha.ts";

const test = suite("short-term alpha");

const quotes = (surface: AlphaSurface, alpha: number, inventory: number): [number, number] => {
  const into = new Float64Array(2);
  lookUpAlphaQuotes(surface, alpha, inventory, into);
  return [into[0]!, into[1]!];
};
const solved = (parameters: ShortTermAlphaParameters, timeLeft: number, points: number) =>
  certain(solveShortTermAlpha(parameters, timeLeft, points));

test("B4.3 the error falls by four when the grid is halved: the convergence table", () => {
  for (const [parameters, limit] of [
    [symmetricAlpha.parameters, symmetricAlpha.expected],
    [unevenAlpha.parameters, unevenAlpha.expected],
  ] as const) {
    const errors = [21, 41, 81].map((points) => {
      const surface = solved(parameters, 20, points);
      const middle = (points >> 1) * 9 + 4;
      return Math.abs(surface.value[middle]! - Number(limit[0]));
    });
    for (const [index, error] of errors.slice(1).entries()) {
      const order = Math.log2(errors[index]! / error);
      assert.ok(order > 1.75 && order < 2.25, `order ${order}, errors ${errors.join(", ")}`);
    }
    assert.ok(errors[2]! < 2e-4);
  }
});

test("B4.3 a drift that never changes is the base model with that drift", () => {
  const parameters: ShortTermAlphaParameters = {
    ...symmetricAlpha.parameters,
    meanReversion: 0,
    alphaVolatility: 0,
    alphaJump: 0,
    alphaBound: 0.002,
  };
  const surface = solved(parameters, 20, 5);
  for (const drift of [-0.002, 0, 0.001]) {
    const base = certain(
      solveControl(certain(carteaJaimungalControl({ ...parameters, drift })), 20),
    );
    for (const q of [-3, 0, 2]) {
      const [bid, ask] = quotes(surface, drift, q);
      near(bid, base.bid[q + 4]!, 1e-7, `bid ${q}, drift ${drift}`);
      near(ask, base.ask[q + 4]!, 1e-7, `ask ${q}, drift ${drift}`);
    }
  }
});

test("B4.3 a drift that only dies away is the base equation along its path", () => {
  // With eta = eps = 0 the drift is a e^(-zeta t): one equation in q with a drift that depends on time.
  const { meanReversion: zeta, ...rest } = symmetricAlpha.parameters;
  const parameters = {
    ...rest,
    meanReversion: zeta,
    alphaVolatility: 0,
    alphaJump: 0,
    alphaBound: 0.004,
  };
  const { arrivalDecay: kappa, runningPenalty, terminalPenalty, buyRate, sellRate } = parameters;
  const timeLeft = 5;
  const alpha = 0.002;
  const start = Float64Array.from({ length: 9 }, (_, i) => -terminalPenalty * (i - 4) ** 2);
  const h = certain(
    integrate(
      (left, value, slope) => {
        const drift = alpha * Math.exp(-zeta * (timeLeft - left));
        for (let i = 0; i < 9; i += 1) {
          let rate = drift * (i - 4) - runningPenalty * (i - 4) ** 2;
          if (i > 0) rate += (buyRate / kappa) * Math.exp(kappa * (value[i - 1]! - value[i]!) - 1);
          if (i < 8) rate += (sellRate / kappa) * Math.exp(kappa * (value[i + 1]! - value[i]!) - 1);
          slope[i] = rate;
        }
      },
      start,
      0,
      timeLeft,
      4_000,
    ),
  );
  const exact = 1 / kappa - h[5]! + h[4]!;
  const errors = [41, 81, 161].map((points) =>
    Math.abs(quotes(solved(parameters, timeLeft, points), alpha, 0)[0] - exact),
  );
  assert.ok(errors[2]! < 4e-5, `errors ${errors.join(", ")}`);
  for (const index of [1, 2]) {
    const ratio = errors[index - 1]! / errors[index]!;
    assert.ok(
      ratio > 1.7 && ratio < 2.4,
      `upwind differences are of first order: ${errors.join(", ")}`,
    );
  }
});

test("B4.3 buying and selling mirror each other in the drift and the inventory", () => {
  const surface = solved(symmetricAlpha.parameters, 20, 41);
  for (const alpha of [0, 0.0005, 0.003]) {
    for (const q of [-3, 0, 3]) {
      const [bid] = quotes(surface, alpha, q);
      const [, ask] = quotes(surface, -alpha, -q);
      near(bid, ask, 1e-9);
    }
  }
});

test("B4.3 who expects the mid to rise bids nearer and asks further, and more so with more inventory to lose", () => {
  const surface = solved(symmetricAlpha.parameters, 20, 81);
  let [bidBefore, askBefore] = quotes(surface, -0.004, 0);
  for (const alpha of [-0.002, 0, 0.001, 0.002, 0.004]) {
    const [bid, ask] = quotes(surface, alpha, 0);
    assert.ok(bid < bidBefore && ask > askBefore, `alpha ${alpha}`);
    [bidBefore, askBefore] = [bid, ask];
  }
  assert.ok(quotes(surface, 0.001, 2)[0] > quotes(surface, 0.001, 0)[0]);
});

test("B4.3 at the horizon the drift no longer matters", () => {
  const surface = solved(symmetricAlpha.parameters, 0, 21);
  const expected = 1 / 100 + symmetricAlpha.parameters.terminalPenalty * (9 - 4);
  near(quotes(surface, 0.003, 2)[0], expected, 1e-12);
  near(quotes(surface, -0.003, 2)[0], expected, 1e-12);
});

test("B4.3 a look-up holds beyond the ends and quotes nothing at the bounds", () => {
  const surface = solved(symmetricAlpha.parameters, 5, 21);
  assert.equal(quotes(surface, 99, 1), quotes(surface, surface.alphaBound, 1));
  assert.equal(quotes(surface, -99, 1), quotes(surface, -surface.alphaBound, 1));
  assert.is(quotes(surface, 0.0001, 4)[0], Number.POSITIVE_INFINITY);
  assert.is(quotes(surface, 0.0001, -4)[1], Number.POSITIVE_INFINITY);
});

test("B4.3 wrong parameters are refused with the reason", () => {
  const code = (wrong: Partial<ShortTermAlphaParameters>, points = 21): string =>
    refusalOf(solveShortTermAlpha({ ...symmetricAlpha.parameters, ...wrong }, 1, points));
  assert.match(code({ meanReversion: -1 }), "out_of_range meanReversion = -1");
  assert.match(code({ alphaJump: Number.NaN }), "not_finite alphaJump = NaN");
  assert.match(code({ meanReversion: 0 }), "undefined a grid bound of Infinity");
  assert.match(code({}, 20), "out_of_range points = 20");
  assert.match(code({ arrivalDecay: 0 }), "out_of_range arrivalDecay = 0");
});

test.run();
