import type { Oracle } from "../oracle.ts";
import { type OracleSource, vectorOracles } from "../oracle.ts";
import { micropriceAdjustment, type MicropriceAdjustment } from "./microprice.ts";

const toy = {
  still: [
    [0.55, 0.25],
    [0.25, 0.55],
  ],
  moving: [
    [0.15, 0.05],
    [0.05, 0.15],
  ],
  after: [
    [0.12, 0.08],
    [0.08, 0.12],
  ],
  moves: [-0.5, 0.5],
};

const source: OracleSource = {
  model: "Microprice",
  formula: "G1 = (I-Q)^-1 R K, B = (I-Q)^-1 T, G* = sum B^i G1",
  source: "Stoikov 2018, section 3; two states solved by hand",
  provenance: "C",
};

const solved = (part: keyof MicropriceAdjustment) => (): ArrayLike<number> => {
  const result = micropriceAdjustment(toy);
  return result.ok ? result.value[part] : [];
};

export const oracles: readonly Oracle[] = [
  ...vectorOracles(source, "G1, ticks", ["-.0714285714", ".0714285714"], solved("first")),
  ...vectorOracles(
    source,
    "B, row by row",
    [".5285714286", ".4714285714", ".4714285714", ".5285714286"],
    solved("transition"),
  ),
  ...vectorOracles(source, "G*, ticks", ["-.0757575758", ".0757575758"], solved("limit")),
];
