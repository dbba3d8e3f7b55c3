import { allFinite, type Check, failure, type ModelResult, refused } from "../numerics/failure.ts";

export interface ShrunkCovariance {
  /** Row-major n x n: shrinkage * target + (1 - shrinkage) * sample. */
  readonly covariance: Float64Array;
  /** 0 to 1. */
  readonly shrinkage: number;
  /** Mean of the sample variances, the scale of the identity target. */
  readonly meanVariance: number;
}

/**
 * Covariance of `observations`, row-major t x n, shrunk towards the mean variance times the identity (Ledoit & Wolf,
 * J. Multivariate Analysis 88, 2004): centred, divided by t, shrinkage b^2 / d^2 of their lemma 3.3 to 3.5.
 * Always positive definite unless all is constant. O(t n^2). Failures: wrong_shape, too_short (t < 2), not_finite,
 * undefined (no variance).
 */
export function ledoitWolf(
  observations: Float64Array,
  assets: number,
): ModelResult<ShrunkCovariance> {
  const wrong = observationsCheck(observations, assets);
  if (wrong !== null) return refused(wrong);
  const { centred, sample, t } = sampleOf(observations, assets);
  const n = assets;
  let meanVariance = 0;
  for (let i = 0; i < n; i += 1) meanVariance += sample[i * n + i]! / n;
  if (meanVariance === 0) return refused(constant());
  // d^2 = |S - m I|^2 and b^2 = mean over t of |x x' - S|^2 / t, Frobenius norms over n.
  let [distance, noise] = [0, 0];
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j < n; j += 1) {
      const entry = sample[i * n + j]!;
      distance += (entry - (i === j ? meanVariance : 0)) ** 2;
      for (let row = 0; row < t; row += 1) {
        noise += (centred[row * n + i]! * centred[row * n + j]! - entry) ** 2;
      }
    }
  }
  const shrinkage = distance === 0 ? 1 : Math.min(1, noise / (t * t) / distance);
  const covariance = sample.map((entry, index) => {
    const target = Math.floor(index / n) === index % n ? meanVariance : 0;
    return shrinkage * target + (1 - shrinkage) * entry;
  });
  const overflow = allFinite("shrunk covariance", covariance);
  if (overflow !== null) return refused(overflow);
  return { ok: true, value: { covariance, shrinkage, meanVariance } };
}

/**
 * The same towards one correlation for all pairs and the sample variances (Ledoit & Wolf, "Honey, I shrunk the sample
 * covariance matrix", J. Portfolio Management 30, 2004, appendix B): shrinkage (pi - rho) / gamma / t. All moments are
 * divided by t; PyPortfolioOpt divides the sample covariance by t - 1 and so has other digits. O(t n^2).
 * Failures: as above; undefined also for an asset without variance.
 */
export function ledoitWolfConstantCorrelation(
  observations: Float64Array,
  assets: number,
): ModelResult<ShrunkCovariance & { readonly correlation: number }> {
  const wrong = observationsCheck(observations, assets);
  if (wrong !== null) return refused(wrong);
  const { centred, sample, t } = sampleOf(observations, assets);
  const n = assets;
  const volatility = Float64Array.from({ length: n }, (_, i) => Math.sqrt(sample[i * n + i]!));
  if (volatility.some((value) => value === 0)) return refused(constant());
  let correlation = n === 1 ? 1 : 0;
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j < i; j += 1) {
      const pair = sample[i * n + j]! / (volatility[i]! * volatility[j]!);
      correlation += (2 * pair) / (n * (n - 1));
    }
  }
  const target = sample.map((entry, index) => {
    const [i, j] = [Math.floor(index / n), index % n];
    return i === j ? entry : correlation * volatility[i]! * volatility[j]!;
  });
  let [pi, rho, gamma, meanVariance] = [0, 0, 0, 0];
  for (let i = 0; i < n; i += 1) {
    meanVariance += sample[i * n + i]! / n;
    for (let j = 0; j < n; j += 1) {
      const entry = sample[i * n + j]!;
      gamma += (target[i * n + j]! - entry) ** 2;
      // pi_ij: asymptotic variance of s_ij; theta_k: its covariance with the variances s_kk.
      let [own, withI, withJ] = [0, 0, 0];
      for (let row = 0; row < t; row += 1) {
        const [x, y] = [centred[row * n + i]!, centred[row * n + j]!];
        const difference = x * y - entry;
        own += difference ** 2 / t;
        withI += ((x * x - sample[i * n + i]!) * difference) / t;
        withJ += ((y * y - sample[j * n + j]!) * difference) / t;
      }
      pi += own;
      const ratio = volatility[j]! / volatility[i]!;
      rho += i === j ? own : (correlation / 2) * (ratio * withI + withJ / ratio);
    }
  }
  const shrinkage = gamma === 0 ? 1 : Math.max(0, Math.min(1, (pi - rho) / gamma / t));
  const covariance = sample.map(
    (entry, index) => shrinkage * target[index]! + (1 - shrinkage) * entry,
  );
  const overflow = allFinite("shrunk covariance", covariance);
  if (overflow !== null) return refused(overflow);
  return { ok: true, value: { covariance, shrinkage, meanVariance, correlation } };
}

const constant = () =>
  failure("undefined", "constant observations", "they have no variance", "leave the asset out");

function observationsCheck(observations: Float64Array, assets: number): Check {
  const t = observations.length / assets;
  if (!Number.isInteger(assets) || assets < 1 || !Number.isInteger(t)) {
    return failure(
      "wrong_shape",
      `${observations.length} observations of ${assets} assets`,
      "every row has all assets",
      "give t x n numbers",
    );
  }
  if (t < 2) {
    return failure("too_short", `${t} rows`, "a variance needs two", "give more observations");
  }
  return allFinite("observations", observations);
}

function sampleOf(
  observations: Float64Array,
  n: number,
): { readonly centred: Float64Array; readonly sample: Float64Array; readonly t: number } {
  const t = observations.length / n;
  const means = new Float64Array(n);
  for (const [index, value] of observations.entries()) means[index % n]! += value / t;
  const centred = observations.map((value, index) => value - means[index % n]!);
  const sample = new Float64Array(n * n);
  for (let row = 0; row < t; row += 1) {
    for (let i = 0; i < n; i += 1) {
      for (let j = 0; j < n; j += 1) {
        sample[i * n + j]! += (centred[row * n + i]! * centred[row * n + j]!) / t;
      }
    }
  }
  return { centred, sample, t };
}
