/** How numbers and times are written: thin spaces in thousands, units in the header, ages that tick. */

const thin = "\u2009";

export function grouped(value: number | bigint | string): string {
  const [whole = "", fraction] = String(value).split(".");
  const digits = whole.replace(/\B(?=(\d{3})+(?!\d))/g, thin);
  return fraction === undefined ? digits : `${digits}.${fraction}`;
}

/** A price in price units, which are 10^-decimals of the currency. */
export function priceText(units: number, decimals: number): string {
  const sign = units < 0 ? "−" : "";
  const text = String(Math.abs(Math.round(units))).padStart(decimals + 1, "0");
  const at = text.length - decimals;
  return sign + grouped(decimals === 0 ? text : `${text.slice(0, at)}.${text.slice(at)}`);
}

/** An amount of money from a decimal text of price units times quantity units. */
export function moneyText(text: string, decimals: number): string {
  const negative = text.startsWith("-");
  const digits = (negative ? text.slice(1) : text).padStart(decimals + 1, "0");
  const at = digits.length - decimals;
  const shown = decimals === 0 ? digits : `${digits.slice(0, at)}.${digits.slice(at)}`;
  return `${negative ? "−" : ""}${grouped(shown)}`;
}

export const signed = (value: number): string =>
  value > 0 ? `+${grouped(value)}` : value < 0 ? `−${grouped(-value)}` : "0";

/** Nanoseconds as the unit in which a person reads them. */
export function durationText(ns: number): string {
  if (ns < 1e3) return `${Math.round(ns)} ns`;
  if (ns < 1e6) return `${short(ns / 1e3)} µs`;
  if (ns < 1e9) return `${short(ns / 1e6)} ms`;
  return `${short(ns / 1e9)} s`;
}

const short = (value: number): string =>
  value < 9.95 ? value.toFixed(1) : String(Math.round(value));

/** Milliseconds of age: 0.2 s, 3 s, 4 min, 2 h, 3 d. */
export function ageText(ms: number): string {
  if (ms < 1_000) return `${(Math.max(0, ms) / 1_000).toFixed(1)} s`;
  if (ms < 60_000) return `${Math.floor(ms / 1_000)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min`;
  if (ms < 86_400_000) return `${Math.floor(ms / 3_600_000)} h`;
  return `${Math.floor(ms / 86_400_000)} d`;
}

/** UTC, to the second. */
export const timeText = (ms: number): string => new Date(ms).toISOString().slice(11, 19);
export const millisecondText = (ms: number): string => new Date(ms).toISOString().slice(11, 23);
export const dateTimeText = (ms: number): string =>
  new Date(ms).toISOString().replace("T", " ").replace("Z", " UTC");

/** Per second, with a decimal when it is few. */
export const rateText = (perSecond: number): string =>
  perSecond < 10 ? perSecond.toFixed(1) : grouped(Math.round(perSecond));

export const plural = (count: number, one: string, more = `${one}s`): string =>
  `${grouped(count)} ${count === 1 ? one : more}`;
