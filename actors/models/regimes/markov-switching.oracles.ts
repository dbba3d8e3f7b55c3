import { certain } from "../numerics/failure.ts";
import { type Oracle, type OracleSource, vectorOracles } from "../oracle.ts";
import {
  fitSwitchingMean,
  type SwitchingMean,
  switchingProbabilities,
} from "./markov-switching.ts";

/** Quarterly growth of real GNP of the United States, 1951 to 1984, per cent: Hamilton's series. */
export const growth = [
  2.59316421, 2.20217133, 0.45827562, 0.9687438, -0.24130757, 0.89647478, 2.05393219, 1.73353648,
  0.93871289, -0.46477833, -0.80983406, -1.39763689, -0.39886093, 1.1918416, 1.45620048, 2.11808228,
  1.08957863, 1.32390273, 0.87296367, -0.19773273, 0.45420215, 0.07221876, 1.1030364, 0.82097489,
  -0.05795795, 0.58447772, -1.56192672, -2.05041027, 0.53637183, 2.33676839, 2.34014559, 1.2339263,
  1.8869648, -0.45920792, 0.84940469, 1.70139849, -0.28756312, 0.09594627, -0.86080289, 1.03447127,
  1.23685944, 1.42004502, 2.22410631, 1.30210173, 1.03517699, 0.9253425, -0.16559951, 1.3444382,
  1.37500131, 1.73222184, 0.71605635, 2.21032143, 0.85333031, 1.00238776, 0.42725441, 2.14368343,
  1.43789184, 1.57959926, 2.27469826, 1.95962656, 0.25992399, 1.01946914, 0.49016398, 0.5636338,
  0.5959546, 1.43082857, 0.56230122, 1.15388393, 1.68722844, 0.77438205, -0.09647045, 1.39600146,
  0.13646798, 0.55223715, -0.39944872, -0.61671102, -0.08722561, 1.2101835, -0.90729755, 2.64916158,
  -0.0080694, 0.51111895, -0.00401437, 2.16821432, 1.92586732, 1.03504717, 1.85897219, 2.32004929,
  0.25570789, -0.09855274, 0.89073682, -0.55896485, 0.28350255, -1.31155407, -0.88278776,
  -1.97454941, 1.01275265, 1.68264723, 1.38271284, 1.86073637, 0.4447377, 0.41449001, 0.99202275,
  1.36283576, 1.59970522, 1.98845816, -0.25684232, 0.87786949, 3.1095655, 0.85324478, 1.23337317,
  0.00314302, -0.09433369, 0.89883322, -0.19036628, 0.99772376, -2.39120054, 0.06649673, 1.26136017,
  1.91637838, -0.3348029, 0.44207108, -1.40664911, -1.52129889, 0.29919869, -0.80197448, 0.15204792,
  0.98585027, 2.13034606, 1.34397924, 1.61550522, 2.70930099, 1.24461412, 0.50835466, 0.14802167,
];

/** Hamilton's estimates as printed with the test of statsmodels, to six digits. */
export const hamilton: SwitchingMean = {
  transition: [
    [0.754673, 1 - 0.754673],
    [0.095915, 1 - 0.095915],
  ],
  means: [-0.358811, 1.163516],
  autoregression: [0.013486, -0.057521, -0.246983, -0.212923],
  deviation: Math.exp(-0.262658),
};

const source: OracleSource = {
  model: "Switching autoregression",
  formula: "y - mu(S) = sum phi_i (y_(t-i) - mu(S_(t-i))) + e",
  source: "Hamilton 1989, table I; statsmodels 0.15, MarkovAutoregression",
  provenance: "R",
};

export const oracles: readonly Oracle[] = [
  {
    ...source,
    quantity: "log-likelihood at the printed estimates",
    expected: "-181.26339",
    compute: () => certain(switchingProbabilities(growth, hamilton)).logLikelihood,
  },
  ...vectorOracles(
    { ...source, provenance: "C" },
    "filtered, then smoothed P(recession), quarters 5, 15, 65, 135; log-likelihood",
    [
      0.22328479290952144, 0.08911172980938974, 0.1738512555369, 0.07228564176627902,
      0.03190266022654261, 0.01094548703998027, 0.05321604706465949, 0.07228564176627902,
      -181.26339426301064,
    ],
    () => {
      const { filtered, smoothed, logLikelihood } = certain(
        switchingProbabilities(growth, hamilton),
      );
      const at = [0, 10, 60, 130];
      return [
        ...at.map((t) => filtered[2 * t]!),
        ...at.map((t) => smoothed[2 * t]!),
        logLikelihood,
      ];
    },
  ),
  ...vectorOracles(
    { ...source, tolerance: 5e-5 },
    "fit: P(0 stays), P(1 to 0), means, deviation, phi",
    [
      0.754673,
      0.095915,
      -0.358811,
      1.163516,
      Math.exp(-0.262658),
      0.013486,
      -0.057521,
      -0.246983,
      -0.212923,
    ],
    () => {
      const start: SwitchingMean = {
        transition: [
          [0.8, 0.2],
          [0.2, 0.8],
        ],
        means: [-0.5, 1],
        autoregression: [0, 0, 0, 0],
        deviation: 1,
      };
      const { model } = certain(fitSwitchingMean(growth, start));
      return [
        model.transition[0]![0]!,
        model.transition[1]![0]!,
        ...model.means,
        model.deviation,
        ...model.autoregression,
      ];
    },
  ),
];
