import { suite } from "uvu";
import * as assert from "uvu/assert";

import { near } from "../../../test/models/closeness.ts";
import { certain } from "../numerics/failure.ts";
import {
  avellanedaStoikovCoefficients,
  writeAvellanedaStoikovQuotes,
} from "./avellaneda-stoikov.ts";
import {
  gueantLehalleTapiaCoefficients,
  writeGueantLehalleTapiaQuotes,
} from "./gueant-lehalle-tapia.ts";
import { ReferenceVote } from "./reference-vote.ts";
import { avellanedaStoikovControl, type ExactParameters } from "./avellaneda-stoikov-exact.ts";
import { regimeSystem, solveRegimes } from "./cartea-jaimungal-regimes.ts";
import type { CarteaJaimungalParameters } from "./cartea-jaimungal.ts";
import { solveControl, stationaryQuotes } from "./inventory-control.ts";
import {
  emptyQuoteTable,
  lookUpFilteredQuotes,
  lookUpQuotes,
  mostLikely,
  rebuildQuoteTable,
  rebuildRegimeQuoteTable,
  rebuildStationaryQuoteTable,
  volatilityMoved,
} from "./quote-table.ts";

const test = suite("quote table");

const parameters: ExactParameters = {
  riskAversion: 0.1,
  volatility: 2,
  arrivalRate: 140,
  arrivalDecay: 1.5,
  inventoryBound: 20,
};
const control = (volatility = 2) =>
  certain(avellanedaStoikovControl({ ...parameters, volatility }));

test("B4.1 a look-up gives what solving at that time gives", () => {
  const table = certain(emptyQuoteTable(20, 1, 10, 2));
  assert.is(rebuildQuoteTable(table, [control(2), control(3)]), null);
  const into = new Float64Array(2);
  for (const [regime, volatility] of [2, 3].entries()) {
    for (const timeLeft of [0, 0.3, 1]) {
      const ladder = certain(solveControl(control(volatility), timeLeft));
      for (const q of [-19, -3, 0, 7, 19]) {
        lookUpQuotes(table, q, timeLeft, regime, into);
        near(into[0]!, ladder.bid[q + 20]!, 1e-11, `bid q = ${q}, ${timeLeft} left`);
        near(into[1]!, ladder.ask[q + 20]!, 1e-11, `ask q = ${q}, ${timeLeft} left`);
      }
    }
  }
});

test("B4.1 time is rounded to the nearest grid point and held beyond both ends", () => {
  const table = certain(emptyQuoteTable(20, 1, 10, 1));
  assert.is(rebuildQuoteTable(table, [control()]), null);
  const bid = (timeLeft: number): number => {
    const into = new Float64Array(2);
    lookUpQuotes(table, 4, timeLeft, 0, into);
    return into[0]!;
  };
  assert.is(bid(0.34), bid(0.3));
  assert.is(bid(0.36), bid(0.4));
  assert.is.not(bid(0.36), bid(0.3));
  assert.is(bid(-5), bid(0));
  assert.is(bid(99), bid(1));
});

test("B4.1 beyond the bound only the side that brings the inventory back is quoted", () => {
  const table = certain(emptyQuoteTable(20, 1, 4, 1));
  assert.is(rebuildQuoteTable(table, [control()]), null);
  const into = new Float64Array(2);
  lookUpQuotes(table, 25, 0.5, 0, into);
  assert.is(into[0], Number.POSITIVE_INFINITY);
  assert.ok(Number.isFinite(into[1]));
  lookUpQuotes(table, -20, 0.5, 0, into);
  assert.ok(Number.isFinite(into[0]));
  assert.is(into[1], Number.POSITIVE_INFINITY);
});

test("B4.2 a stationary table holds the stationary quotes at every time", () => {
  const table = certain(emptyQuoteTable(20, 0, 0, 1));
  assert.is(rebuildStationaryQuoteTable(table, [control()]), null);
  const ladder = certain(stationaryQuotes(control()));
  const into = new Float64Array(2);
  for (const timeLeft of [0, 1, 1e6]) {
    lookUpQuotes(table, -6, timeLeft, 0, into);
    assert.equal([...into], [ladder.bid[14], ladder.ask[14]]);
  }
});

test("B4.3 a table of regimes that switch holds their joint solution", () => {
  const calm: CarteaJaimungalParameters = {
    buyRate: 5,
    sellRate: 5,
    arrivalDecay: 10,
    runningPenalty: 0.005,
    terminalPenalty: 0.01,
    inventoryBound: 10,
  };
  const regimes = [calm, { ...calm, runningPenalty: 0.05 }];
  const generator = [
    [-0.5, 0.5],
    [1, -1],
  ];
  const table = certain(emptyQuoteTable(10, 10, 5, 2));
  const system = certain(regimeSystem(regimes, generator));
  assert.is(rebuildRegimeQuoteTable(table, system, 400), null);
  const ladders = certain(solveRegimes(regimes, generator, 6, 1_200));
  const into = new Float64Array(2);
  for (const regime of [0, 1]) {
    lookUpQuotes(table, 2, 6, regime, into);
    near(into[0]!, ladders[regime]!.bid[12]!, 1e-11);
    near(into[1]!, ladders[regime]!.ask[12]!, 1e-11);
  }
  assert.is(rebuildRegimeQuoteTable(table, system, 1)?.code, "not_converged");
});

test("B4.3 quotes of an uncertain regime are the mean of the regimes' quotes", () => {
  const table = certain(emptyQuoteTable(20, 1, 10, 2));
  assert.is(rebuildQuoteTable(table, [control(2), control(3)]), null);
  const [one, two, mean, scratch] = [0, 1, 2, 3].map(() => new Float64Array(2)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  lookUpQuotes(table, 5, 0.5, 0, one);
  lookUpQuotes(table, 5, 0.5, 1, two);
  lookUpFilteredQuotes(table, 5, 0.5, Float64Array.of(0.25, 0.75), mean, scratch);
  near(mean[0]!, 0.25 * one[0]! + 0.75 * two[0]!, 1e-15);
  near(mean[1]!, 0.25 * one[1]! + 0.75 * two[1]!, 1e-15);
  lookUpFilteredQuotes(table, 20, 0.5, Float64Array.of(0, 1), mean, scratch);
  assert.is(mean[0], Number.POSITIVE_INFINITY);
  assert.is(mostLikely(Float64Array.of(0.2, 0.5, 0.3)), 1);
  assert.is(mostLikely(Float64Array.of(0.5, 0.5)), 0);
});

test("B4.1 look-ups and quotes that write into arrays allocate nothing", () => {
  const table = certain(emptyQuoteTable(20, 1, 10, 2));
  assert.is(rebuildQuoteTable(table, [control(2), control(3)]), null);
  const as = certain(avellanedaStoikovCoefficients(parameters));
  const glt = certain(gueantLehalleTapiaCoefficients(parameters));
  const vote = certain(ReferenceVote.of({ capacity: 1_024 }));
  const probabilities = Float64Array.of(0.3, 0.7);
  const [into, scratch] = [new Float64Array(2), new Float64Array(2)];
  let sum = 0;
  const work = (from: number, calls: number): void => {
    for (let call = from; call < from + calls; call += 1) {
      const q = (call % 39) - 19;
      lookUpQuotes(table, q, 0.37, call % 2, into);
      lookUpFilteredQuotes(table, q, 0.37, probabilities, into, scratch);
      writeAvellanedaStoikovQuotes(as, q, 0.37, into);
      writeGueantLehalleTapiaQuotes(glt, q, into);
      vote.observe(call, call % 3 === 0 ? 1 : 0, 1 + (call % 7));
      sum += into[0]!;
    }
  };
  const grown = Array.from({ length: 9 }, (_, round) => {
    const before = process.memoryUsage().heapUsed;
    work(round * 200_000, 200_000);
    return process.memoryUsage().heapUsed - before;
  });
  grown.sort((one, other) => one - other);
  // One object of 16 bytes for each call would be 3.2 MB. The compiler still works in the first rounds, and a
  // collection may fall into a few: most of them show what the calls take.
  const usual = grown[4] ?? 0;
  assert.ok(
    usual < 400_000,
    `${usual} bytes for 200,000 calls of five functions: ${grown.join(" ")}`,
  );
  assert.ok(Number.isFinite(sum));
});

test("B4.1 a table is rebuilt in place, and when the volatility moved by more than 5 %", () => {
  const table = certain(emptyQuoteTable(20, 1, 4, 1));
  const { bid } = table;
  assert.is(rebuildQuoteTable(table, [control(2)]), null);
  const before = bid.slice();
  assert.is(rebuildQuoteTable(table, [control(2.2)]), null);
  assert.is(table.bid, bid);
  assert.not.equal(bid, before);
  assert.is(rebuildQuoteTable(table, [control(2)]), null);
  assert.equal(bid, before);
  assert.not.ok(volatilityMoved(2, 2.099));
  assert.ok(volatilityMoved(2, 2.101));
  assert.ok(volatilityMoved(2, 1.899));
  assert.ok(volatilityMoved(2, 2.03, 0.01));
});

test("B4.1 a table that does not fit its models is refused", () => {
  const table = certain(emptyQuoteTable(10, 1, 4, 1));
  assert.is(rebuildQuoteTable(table, [control()])?.code, "wrong_shape");
  assert.is(rebuildQuoteTable(table, [])?.code, "wrong_shape");
  assert.is(
    rebuildStationaryQuoteTable(certain(emptyQuoteTable(20, 1, 4, 1)), [control()])?.code,
    "out_of_range",
  );
  assert.not.ok(emptyQuoteTable(1_000, 1, 1_000_000, 4).ok);
  assert.not.ok(emptyQuoteTable(10, 0, 4, 1).ok);
});

test.run();
