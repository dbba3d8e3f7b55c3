/** The recursion of DCC over a sample, for a fit that runs it hundreds of times: allocates nothing. */
export interface DccWalk {
  readonly assets: number;
  /** R of the period that `run` is at, rows first; after it R_(n+1). */
  readonly correlation: Float64Array;
  /**
   * Walks the sample with weights a, b; calls `each` with R_t in `correlation` before shock t. Returns
   * the correlation part of the log-likelihood, NaN where some R_t is not positive definite. O(n d^3).
   */
  run(a: number, b: number, each?: () => void): number;
}

/** `shocks`: n x d, rows first. `mean`: Qbar, d x d, positive definite. */
export function dccWalk(shocks: Float64Array, mean: Float64Array, assets: number): DccWalk {
  const d = assets;
  const n = shocks.length / d;
  const state = new Float64Array(d * d);
  const correlation = new Float64Array(d * d);
  const scales = new Float64Array(d);
  const factor = new Float64Array(d * d);
  const solved = new Float64Array(d);

  function normalise(): void {
    for (let i = 0; i < d; i += 1) scales[i] = 1 / Math.sqrt(state[i * d + i]!);
    for (let i = 0; i < d; i += 1) {
      correlation[i * d + i] = 1;
      for (let j = 0; j < i; j += 1) {
        const rho = state[i * d + j]! * (scales[i]! * scales[j]!);
        correlation[i * d + j] = rho;
        correlation[j * d + i] = rho;
      }
    }
  }

  /** ln|R| + e' R^-1 e - e' e by a Cholesky factor in place; ml-matrix would allocate three a period. */
  function term(at: number): number {
    let value = 0;
    for (let i = 0; i < d; i += 1) {
      let rest = shocks[at + i]!;
      for (let j = 0; j <= i; j += 1) {
        let sum = correlation[i * d + j]!;
        for (let k = 0; k < j; k += 1) sum -= factor[i * d + k]! * factor[j * d + k]!;
        if (j < i) {
          factor[i * d + j] = sum / factor[j * d + j]!;
          rest -= factor[i * d + j]! * solved[j]!;
        } else {
          if (!(sum > 0)) return Number.NaN;
          factor[i * d + i] = Math.sqrt(sum);
          solved[i] = rest / factor[i * d + i]!;
          value += Math.log(sum) + solved[i]! ** 2 - shocks[at + i]! ** 2;
        }
      }
    }
    return value;
  }

  return {
    assets,
    correlation,
    run(a, b, each) {
      state.set(mean);
      normalise();
      let sum = 0;
      for (let t = 0; t < n; t += 1) {
        each?.();
        sum += term(t * d);
        for (let i = 0; i < d; i += 1) {
          for (let j = 0; j < d; j += 1) {
            state[i * d + j] =
              (1 - a - b) * mean[i * d + j]! +
              a * (shocks[t * d + i]! * shocks[t * d + j]!) +
              b * state[i * d + j]!;
          }
        }
        normalise();
      }
      return -0.5 * sum;
    },
  };
}
