import { ok, type Result, refuse } from "../../actors/kernel/result.ts";

/** A price in units as people write it: 6400050 with 2 decimals is 64000.50. */
export function formatPrice(units: number, decimals: number): string {
  const sign = units < 0 ? "-" : "";
  const digits = String(Math.abs(units)).padStart(decimals + 1, "0");
  if (decimals === 0) return `${sign}${digits}`;
  return `${sign}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

/** A price as people write it, in units. Failure code: usage. */
export function parsePrice(text: string, decimals: number): Result<number> {
  const match = /^(\d{1,15})(?:\.(\d{1,9}))?$/.exec(text);
  const fraction = match?.[2] ?? "";
  const kept = fraction.slice(0, decimals).padEnd(decimals, "0");
  const units = Number(`${match?.[1] ?? ""}${kept}`);
  if (match === null || !Number.isSafeInteger(units)) {
    return refuse("usage", `${JSON.stringify(text)} is not a price`, "write it like 64000.50");
  }
  if (/[1-9]/.test(fraction.slice(decimals))) {
    return refuse("usage", `the price ${text} has more than ${decimals} decimals`, "round it");
  }
  return ok(units);
}

/** A whole number from 1 to `maximum`. Failure code: usage. */
export function parseWhole(
  text: string,
  what: string,
  maximum = Number.MAX_SAFE_INTEGER,
): Result<number> {
  const value = Number(text);
  if (!/^\d{1,16}$/.test(text) || value < 1 || value > maximum) {
    return refuse(
      "usage",
      `${JSON.stringify(text)} is no ${what}`,
      `a whole number from 1 to ${maximum}`,
    );
  }
  return ok(value);
}
