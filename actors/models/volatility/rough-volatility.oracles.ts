import { certain } from "../numerics/failure.ts";
import { type Oracle, type OracleSource, vectorOracles } from "../oracle.ts";
import { fractionalNoiseEigenvalues } from "./fractional-brownian.ts";
import { fractionalNoiseSpectrum } from "./fractional-noise-spectrum.ts";
import { structureHurst } from "./hurst.ts";
import { hybridCovariance, hybridPoint } from "./rough-bergomi.ts";

const circulant: OracleSource = {
  model: "Fractional Brownian motion",
  formula: "eigenvalues of the circulant of (|k+1|^2H - 2|k|^2H + |k-1|^2H) / 2",
  source: "Davies and Harte 1987, computed independently",
  provenance: "C",
};
const structure: OracleSource = {
  model: "Hurst exponent from moments",
  formula: "zeta_q = slope of ln mean|x_(t+D) - x_t|^q on ln D; H = sum q zeta_q / sum q^2",
  source: "Gatheral, Jaisson, Rosenbaum 2018, section 2, computed independently",
  provenance: "C",
};
const spectrum: OracleSource = {
  model: "Spectrum of fractional noise",
  formula: "Hurwitz zeta form",
  source: "Sinai 1976; Beran 1994, computed independently",
  provenance: "C",
};
const hybrid: OracleSource = {
  model: "Rough Bergomi, hybrid scheme",
  formula: "covariance of (W, int (dt - s)^a dW); b_k",
  source: "Bennedsen, Lunde, Pakkanen 2017, computed independently",
  provenance: "C",
};

/** Fourteen cosines of falling size: a series without chance in it. */
export const cosines = (hurst: number): Float64Array =>
  Float64Array.from({ length: 4096 }, (_, t) => {
    let sum = 0;
    for (let j = 1; j <= 14; j += 1) {
      sum += 2 ** (-j * hurst) * Math.cos((2 * Math.PI * 2 ** j * t) / 4096 + j * j);
    }
    return sum;
  });

const orders = [0.5, 1, 1.5, 2, 3];

export const oracles: readonly Oracle[] = [
  ...(
    [
      [
        0.1,
        [
          ".0380362062",
          ".1824528183",
          ".4290455082",
          ".7231578014",
          "1.0426386903",
          "1.3446220854",
          "1.5942505352",
          "1.75739609",
          "1.8148367363",
        ],
      ],
      [
        0.7,
        [
          "3.2143385981",
          "1.5101436137",
          "1.0527976009",
          ".8932761607",
          ".7564576814",
          ".6827161332",
          ".6182273729",
          ".5918245344",
          ".5747752074",
        ],
      ],
    ] as const
  ).flatMap(([hurst, expected]) =>
    vectorOracles(circulant, `n = 8, H = ${hurst}, eigenvalue`, expected, () =>
      fractionalNoiseEigenvalues(8, hurst),
    ),
  ),
  ...(
    [
      [
        0.14,
        [".119785588553", ".249171745175", ".385455780363", ".527081829686", ".823246742160"],
        [".267342551264", ".282044702257"],
      ],
      [
        0.3,
        [".177172557257", ".362931934528", ".554703100892", ".751026415118", "1.154690657471"],
        [".378769555585", ".391583298032"],
      ],
    ] as const
  ).flatMap(([hurst, slopes, exponents]) => [
    ...vectorOracles(
      structure,
      `fourteen cosines, ${hurst}, zeta of order ${orders.join(", ")}`,
      slopes,
      () => certain(structureHurst(cosines(hurst))).slopes,
    ),
    ...vectorOracles(structure, `fourteen cosines, ${hurst}, H and slope`, exponents, () => {
      const fit = certain(structureHurst(cosines(hurst)));
      return [fit.hurst, fit.slope];
    }),
  ]),
  ...(
    [
      [0.7, [".401471549943", ".152399826349", ".092183327622"]],
      [0.1, [".007707025106", ".093048687751", ".287615473541"]],
    ] as const
  ).flatMap(([hurst, expected]) =>
    vectorOracles(spectrum, `H = ${hurst}, f at .1, 1, 3`, expected, () =>
      [0.1, 1, 3].map((frequency) => fractionalNoiseSpectrum(frequency, hurst)),
    ),
  ),
  ...vectorOracles(
    hybrid,
    "H = .07, n = 312, covariance",
    [".00320512820513", ".0664441921866", "3.19661491258"],
    () => hybridCovariance(1 / 312, 0.07 - 0.5),
  ),
  {
    ...hybrid,
    quantity: "H = .07, b_2",
    expected: "1.45912634601",
    compute: () => hybridPoint(2, 0.07 - 0.5),
  },
];
