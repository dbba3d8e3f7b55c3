import { ok } from "../../kernel/result.ts";
import { failure, type ModelResult, refused } from "./failure.ts";

/**
 * The value as a result, or a refusal where finite inputs overflowed on the way: squares of numbers
 * beyond 1e154 do.
 */
export function finiteResult(name: string, value: number): ModelResult<number> {
  if (Number.isFinite(value)) return ok(value);
  return refused(
    failure(
      "not_finite",
      `${name} = ${value}`,
      "the input is finite but too large or too small to compute with",
      "give the input in another unit",
    ),
  );
}
