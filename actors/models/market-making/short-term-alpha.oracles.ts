import { certain } from "../numerics/failure.ts";
import type { Oracle } from "../oracle.ts";
import {
  type AlphaSurface,
  lookUpAlphaQuotes,
  type ShortTermAlphaParameters,
  solveShortTermAlpha,
} from "./short-term-alpha.ts";

interface AlphaCase {
  readonly name: string;
  readonly parameters: ShortTermAlphaParameters;
  /** h(0, 0, 0); then bid and ask at (a, q) = (0, 0), (0, 1), (0.002, 0), (0.002, -2). 20 s to the horizon. */
  readonly expected: readonly string[];
}

const base: ShortTermAlphaParameters = {
  buyRate: 5 / 6,
  sellRate: 5 / 6,
  arrivalDecay: 100,
  runningPenalty: 1e-5,
  terminalPenalty: 1e-4,
  inventoryBound: 4,
  meanReversion: 0.2,
  alphaVolatility: 0.001,
  alphaJump: 0.0005,
};
export const symmetricAlpha: AlphaCase = {
  name: "lam+- = 5/6",
  parameters: base,
  expected: [
    "0.116763464",
    "0.012385089",
    "0.012385089",
    "0.013602304",
    "0.011196248",
    "0.005300163",
    "0.019391664",
    "0.002885680",
    "0.021737147",
  ],
};
export const unevenAlpha: AlphaCase = {
  name: "lam+ = 1, lam- = 0.6",
  parameters: { ...base, buyRate: 1, sellRate: 0.6 },
  expected: [
    "0.119775601",
    "0.004447116",
    "0.020286007",
    "0.006173154",
    "0.018751220",
    "-0.001723637",
    "0.026224053",
    "-0.004773289",
    "0.028972258",
  ],
};

const places = [
  [0, 0],
  [0, 1],
  [0.002, 0],
  [0.002, -2],
] as const;

const cache = new Map<AlphaCase, readonly AlphaSurface[]>();
/** Richardson's extrapolation of two grids: the scheme is of second order here. */
function extrapolated(one: AlphaCase, read: (surface: AlphaSurface) => number): number {
  const surfaces =
    cache.get(one) ??
    [41, 81].map((points) => certain(solveShortTermAlpha(one.parameters, 20, points)));
  cache.set(one, surfaces);
  const [coarse, fine] = surfaces.map(read);
  return fine! + (fine! - coarse!) / 3;
}
const quote = (surface: AlphaSurface, alpha: number, inventory: number, side: number): number => {
  const into = new Float64Array(2);
  lookUpAlphaQuotes(surface, alpha, inventory, into);
  return into[side]!;
};

export const oracles: readonly Oracle[] = [symmetricAlpha, unevenAlpha].flatMap((one) => {
  const source = {
    model: "Cartea-Jaimungal, short-term alpha",
    formula: "h_s = a q - phi q^2 - zeta a h_a + eta^2 h_aa/2 + fills and jumps of a by eps",
    source:
      "Cartea, Jaimungal, Penalva 2015, section 10.4.2; Chebyshev collocation with 52 nodes, against 41 and 81 grid points extrapolated",
    provenance: "C" as const,
  };
  return [
    {
      ...source,
      quantity: `h(0, 0), ${one.name}`,
      expected: one.expected[0]!,
      tolerance: 1e-5,
      compute: () => extrapolated(one, ({ value, points }) => value[(points >> 1) * 9 + 4]!),
    },
    ...places.flatMap(([alpha, inventory], place) =>
      (["bid", "ask"] as const).map((name, side) => ({
        ...source,
        quantity: `${name} distance at a = ${alpha}, q = ${inventory}, ${one.name}`,
        expected: one.expected[1 + 2 * place + side]!,
        tolerance: 1e-6,
        compute: () => extrapolated(one, (surface) => quote(surface, alpha, inventory, side)),
      })),
    ),
  ];
});
