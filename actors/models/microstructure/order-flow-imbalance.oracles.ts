import type { Oracle } from "../oracle.ts";
import { orderFlowImbalance } from "./order-flow-imbalance.ts";

/** Bid price, bid quantity, ask price, ask quantity; prices in ticks of 0.01. */
const quotes: readonly (readonly [number, number, number, number])[] = [
  [10_000, 10, 10_002, 8],
  [10_000, 14, 10_002, 8],
  [10_001, 3, 10_002, 8],
  [10_001, 3, 10_002, 5],
  [10_001, 3, 10_003, 9],
  [10_000, 12, 10_002, 4],
];

export const oracles: readonly Oracle[] = [4, 3, 3, 5, -7].map((expected, index) => ({
  model: "Order flow imbalance",
  formula: "e = 1{Pb'>=Pb} qb' - 1{Pb'<=Pb} qb - 1{Pa'<=Pa} qa' + 1{Pa'>=Pa} qa",
  source: "Cont, Kukanov, Stoikov 2014, eq. (4); worked by hand",
  provenance: "C",
  quantity: `step ${index + 1} of six quotes`,
  expected,
  compute: () => {
    const [before, after] = [quotes[index], quotes[index + 1]];
    return before === undefined || after === undefined
      ? Number.NaN
      : orderFlowImbalance(...before, ...after);
  },
}));
