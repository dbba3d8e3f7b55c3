/**
 * A network of one hidden layer, out = V tanh(W x + b) + c, with its gradient by backpropagation (Rumelhart,
 * Hinton and Williams, Nature 323, 1986) and the steps of Adam (Kingma and Ba, ICLR 2015, algorithm 1).
 */
import type { Randomness } from "../../kernel/ports/randomness.ts";
import { standardNormal } from "../random/distributions.ts";

/** Sizes of 1 or more; all arrays given have them. Passes are O(parameters) and allocate nothing. */
export class TanhNetwork {
  readonly inputs: number;
  readonly hidden: number;
  readonly outputs: number;
  /** W, b, V, c one after another. */
  readonly parameters: Float64Array;
  /** tanh(W x + b) and the outputs of the last forward pass. */
  readonly #activations: Float64Array;
  readonly out: Float64Array;

  /** Weights normal with variance 1 / inputs of their layer; the last layer `scale` times as large. */
  constructor(inputs: number, hidden: number, outputs: number, scale: number, random: Randomness) {
    this.inputs = inputs;
    this.hidden = hidden;
    this.outputs = outputs;
    this.parameters = new Float64Array(hidden * (inputs + 1) + outputs * (hidden + 1));
    this.#activations = new Float64Array(hidden);
    this.out = new Float64Array(outputs);
    for (let at = 0; at < hidden * inputs; at += 1)
      this.parameters[at] = standardNormal(random) / Math.sqrt(inputs);
    const base = hidden * (inputs + 1);
    for (let at = 0; at < outputs * hidden; at += 1)
      this.parameters[base + at] = (scale * standardNormal(random)) / Math.sqrt(hidden);
  }

  /** Into `out`; x begins at `offset` of the array given. */
  forward(x: Float64Array, offset: number): void {
    const { inputs, hidden, outputs, parameters, out } = this;
    const activations = this.#activations;
    const biases = hidden * inputs;
    for (let unit = 0; unit < hidden; unit += 1) {
      let sum = parameters[biases + unit]!;
      for (let at = 0; at < inputs; at += 1)
        sum += parameters[unit * inputs + at]! * x[offset + at]!;
      activations[unit] = Math.tanh(sum);
    }
    const base = hidden * (inputs + 1);
    const last = base + outputs * hidden;
    for (let output = 0; output < outputs; output += 1) {
      let sum = parameters[last + output]!;
      for (let unit = 0; unit < hidden; unit += 1)
        sum += parameters[base + output * hidden + unit]! * activations[unit]!;
      out[output] = sum;
    }
  }

  /** Adds to `gradient` what `slope` = d loss / d out of the last forward pass, of the same x, gives. */
  backward(x: Float64Array, offset: number, slope: Float64Array, gradient: Float64Array): void {
    const { inputs, hidden, outputs, parameters } = this;
    const activations = this.#activations;
    const base = hidden * (inputs + 1);
    const last = base + outputs * hidden;
    for (let output = 0; output < outputs; output += 1) gradient[last + output]! += slope[output]!;
    for (let unit = 0; unit < hidden; unit += 1) {
      let sum = 0;
      for (let output = 0; output < outputs; output += 1) {
        const at = base + output * hidden + unit;
        gradient[at]! += slope[output]! * activations[unit]!;
        sum += slope[output]! * parameters[at]!;
      }
      const inner = sum * (1 - activations[unit]! * activations[unit]!);
      gradient[hidden * inputs + unit]! += inner;
      for (let at = 0; at < inputs; at += 1)
        gradient[unit * inputs + at]! += inner * x[offset + at]!;
    }
  }
}

/** Adam with beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8. */
export class Adam {
  readonly #first: Float64Array;
  readonly #second: Float64Array;
  #steps = 0;

  constructor(parameters: number) {
    this.#first = new Float64Array(parameters);
    this.#second = new Float64Array(parameters);
  }

  /** Moves the parameters against the gradient. O(parameters), allocates nothing. */
  step(parameters: Float64Array, gradient: Float64Array, rate: number): void {
    this.#steps += 1;
    const scale = (rate * Math.sqrt(1 - 0.999 ** this.#steps)) / (1 - 0.9 ** this.#steps);
    for (let at = 0; at < parameters.length; at += 1) {
      const slope = gradient[at]!;
      const first = 0.9 * this.#first[at]! + 0.1 * slope;
      const second = 0.999 * this.#second[at]! + 0.001 * slope * slope;
      this.#first[at] = first;
      this.#second[at] = second;
      parameters[at]! -= (scale * first) / (Math.sqrt(second) + 1e-8);
    }
  }
}
