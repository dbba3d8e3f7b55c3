/**
 * The optimum of Avellaneda and Stoikov's dealer, exactly: with u = -exp(-gamma (x + q S)) v_q^(-gamma / k)
 * the Hamilton–Jacobi–Bellman equation becomes linear in v (Guéant, Lehalle, Fernandez-Tapia, "Dealing with
 * the inventory risk", 2013, arXiv 1105.3115, Propositions 1 and 2 and Theorem 1; drift and impact: section 5):
 *
 *   dv_q/ds = -(alpha q^2 - k mu q) v_q + eta (v_{q-1} + v_{q+1}),   v_q(0) = exp(-k l(q)),
 *   alpha = k gamma sigma^2 / 2,   eta = A (1 + gamma / k)^-(1 + k / gamma).
 *
 * A mid that also jumps (compound Poisson, Gaussian jumps of mean 0) adds (k nu / gamma) (exp(gamma^2 q^2
 * sJ^2 / 2) - 1) to alpha q^2: own derivation from the same change of variable.
 */
import {
  failure,
  finite,
  firstFailure,
  integerWithin,
  type ModelResult,
  notNegative,
  refused,
} from "../numerics/failure.ts";
import {
  type InventoryControl,
  MAX_INVENTORY_BOUND,
  type QuoteLadder,
} from "./inventory-control.ts";
import {
  fillDamping,
  fillPremium,
  type InventoryLots,
  marketCheck,
  type MarketParameters,
  type PerPrice,
  type PerSecond,
  type Price,
} from "./quotes.ts";

export interface GaussianJumps {
  /** nu >= 0. */
  readonly rate: PerSecond;
  /** sJ >= 0: standard deviation of a jump of the mid. */
  readonly deviation: Price;
}

export interface ExactParameters extends MarketParameters {
  /** Q >= 1: the dealer never holds more, either way. Sane: 3 to 100. */
  readonly inventoryBound: InventoryLots;
  /**
   * xi >= 0: gamma by default, which is the dealer of constant absolute risk aversion. 0 is a risk-neutral
   * dealer who pays gamma sigma^2 q^2 / 2 per second (Guéant 2017): xi takes the place of gamma in eta and c.
   */
  readonly fillRiskAversion?: PerPrice;
  /** mu: mean move of the mid per second; 0 by default. */
  readonly drift?: number;
  /** Move of the mid against the dealer at each of his fills (from markouts), >= 0; 0 by default. */
  readonly fillImpact?: Price;
  /** Only for fillRiskAversion = riskAversion; else jumps add rate * deviation^2 to the square of the volatility. */
  readonly jumps?: GaussianJumps;
  /** l(q): what it costs, in cash, to be rid of q lots at the horizon; nothing by default. */
  readonly liquidationCost?: (inventory: InventoryLots) => number;
}

/**
 * The control problem to give to solveControl, stationaryQuotes or a quote table. Codes: not_finite,
 * out_of_range. O(Q).
 */
export function avellanedaStoikovControl(
  parameters: ExactParameters,
): ModelResult<InventoryControl> {
  const { riskAversion, volatility, arrivalRate, arrivalDecay, inventoryBound } = parameters;
  const { drift = 0, fillImpact = 0, jumps = { rate: 0, deviation: 0 } } = parameters;
  const { fillRiskAversion = riskAversion } = parameters;
  const wrong = firstFailure(
    marketCheck(parameters),
    integerWithin("inventoryBound", inventoryBound, 1, MAX_INVENTORY_BOUND),
    finite("drift", drift),
    notNegative("fillImpact", fillImpact),
    notNegative("jumps.rate", jumps.rate),
    notNegative("jumps.deviation", jumps.deviation),
    notNegative("fillRiskAversion", fillRiskAversion),
    jumps.rate > 0 && fillRiskAversion !== riskAversion
      ? failure(
          "out_of_range",
          `jumps with fillRiskAversion = ${fillRiskAversion}`,
          "their exact term belongs to constant absolute risk aversion",
          "add jumps.rate * jumps.deviation^2 to the square of the volatility",
        )
      : null,
  );
  if (wrong !== null) return refused(wrong);
  const size = 2 * inventoryBound + 1;
  const damping = Math.exp(-(arrivalDecay * fillImpact) / 2);
  const rate = (arrivalRate / fillDamping(fillRiskAversion, arrivalDecay)) * damping;
  const killing = new Float64Array(size);
  const terminal = new Float64Array(size);
  for (let index = 0; index < size; index += 1) {
    const q = index - inventoryBound;
    const diffusion = (arrivalDecay * riskAversion * volatility * volatility * q * q) / 2;
    killing[index] =
      diffusion - arrivalDecay * drift * q + jumpKilling(riskAversion, arrivalDecay, jumps, q);
    const cost = parameters.liquidationCost?.(q) ?? 0;
    terminal[index] = -arrivalDecay * (cost + (fillImpact * q * q) / 2);
    if (!Number.isFinite(killing[index]!) || !Number.isFinite(terminal[index]!)) {
      return refused(
        failure(
          "not_finite",
          `the risk of holding ${q} lots`,
          "it overflows: jumps of this size are unbearable at this risk aversion",
          "lower inventoryBound, riskAversion or jumps.deviation, and give a finite liquidationCost",
        ),
      );
    }
  }
  const premium = fillPremium(fillRiskAversion, arrivalDecay) + fillImpact / 2;
  return {
    ok: true,
    value: {
      inventoryBound,
      generator: {
        killing,
        up: new Float64Array(size).fill(rate, 0, size - 1),
        down: new Float64Array(size).fill(rate, 1),
      },
      terminal,
      arrivalDecay,
      bidPremium: premium,
      askPremium: premium,
    },
  };
}

function jumpKilling(
  riskAversion: number,
  arrivalDecay: number,
  { rate, deviation }: GaussianJumps,
  inventory: number,
): number {
  if (rate === 0 || riskAversion === 0) return 0;
  const exposure = riskAversion * inventory * deviation;
  return ((arrivalDecay * rate) / riskAversion) * Math.expm1((exposure * exposure) / 2);
}

/**
 * The sum of money that the dealer would take for his position: cash x, q lots at the mid S, and what his
 * quotes will still earn; his expected utility is -exp(-gamma times this) if xi = gamma. x + q S + ln(v_q) / k +
 * fillImpact q^2 / 2. Code: out_of_range. O(1).
 */
export function certaintyEquivalent(
  parameters: ExactParameters,
  ladder: QuoteLadder,
  cash: number,
  mid: Price,
  inventory: InventoryLots,
): ModelResult<number> {
  const { inventoryBound, logValue } = ladder;
  const wrong = firstFailure(
    integerWithin("inventory", inventory, -inventoryBound, inventoryBound),
    finite("cash", cash),
    finite("mid", mid),
  );
  if (wrong !== null) return refused(wrong);
  const { arrivalDecay, fillImpact = 0 } = parameters;
  const quoting = logValue[inventory + inventoryBound]! / arrivalDecay;
  return {
    ok: true,
    value: cash + inventory * mid + quoting + (fillImpact * inventory * inventory) / 2,
  };
}
