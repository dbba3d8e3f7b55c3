import type { wire } from "../../../../schemas/messages.ts";

/** The limits of a name as a form has them. Pure. */

export type Limits = wire.risk.v1.ILimits;
type Field = {
  readonly [Name in keyof Limits]-?: NonNullable<Limits[Name]> extends number ? Name : never;
}[keyof Limits];

export interface LimitField {
  readonly field: Field;
  /** What the command line calls it. */
  readonly flag: string;
  readonly title: string;
  readonly unit: string;
  readonly hint: string;
  /** A value of 0: nothing is allowed, or nothing is limited. */
  readonly zero: "nothing" | "unlimited";
}

/** Every field of schemas/risk/v1 Limits, in its order; a test compares. */
export const limitFields: readonly LimitField[] = [
  {
    field: "maximumOrderQuantity",
    flag: "order-quantity",
    title: "order",
    unit: "lots",
    hint: "the largest order",
    zero: "nothing",
  },
  {
    field: "maximumOpenQuantity",
    flag: "open-quantity",
    title: "open",
    unit: "lots",
    hint: "that rest or are under way",
    zero: "nothing",
  },
  {
    field: "maximumPosition",
    flag: "position",
    title: "position",
    unit: "lots",
    hint: "long or short, in each market",
    zero: "unlimited",
  },
  {
    field: "maximumNotional",
    flag: "notional",
    title: "notional",
    unit: "ticks × lots",
    hint: "of one order",
    zero: "unlimited",
  },
  {
    field: "collar",
    flag: "collar",
    title: "collar",
    unit: "ticks",
    hint: "from the last trade",
    zero: "unlimited",
  },
  {
    field: "maximumOpenOrders",
    flag: "open-orders",
    title: "open orders",
    unit: "orders",
    hint: "in each market",
    zero: "unlimited",
  },
  {
    field: "messageCount",
    flag: "messages",
    title: "messages",
    unit: "in a window",
    hint: "new orders and replacements",
    zero: "unlimited",
  },
  {
    field: "messageWindowMs",
    flag: "messages-ms",
    title: "their window",
    unit: "ms",
    hint: "of the messages",
    zero: "unlimited",
  },
  {
    field: "executionCount",
    flag: "executions",
    title: "executions",
    unit: "in a window",
    hint: "trades of all its orders",
    zero: "unlimited",
  },
  {
    field: "executionWindowMs",
    flag: "executions-ms",
    title: "their window",
    unit: "ms",
    hint: "of the executions",
    zero: "unlimited",
  },
  {
    field: "maximumLoss",
    flag: "loss",
    title: "loss",
    unit: "price units × units",
    hint: "then it is stopped",
    zero: "unlimited",
  },
];

export type LimitTexts = Readonly<Partial<Record<Field, string>>>;

/** What is wrong with a text; null when nothing is. An empty one leaves the limit as it is. */
export function limitFault(text: string): string | null {
  if (text === "" || (/^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text)))) return null;
  return "a whole number, 0 or more";
}

export interface LimitChange extends LimitField {
  readonly from: number;
  readonly to: number;
}

/** What the form would change. */
export const changesOf = (held: Limits, texts: LimitTexts): readonly LimitChange[] =>
  limitFields.flatMap((each) => {
    const text = texts[each.field] ?? "";
    const from = held[each.field] ?? 0;
    return text === "" || limitFault(text) !== null || Number(text) === from
      ? []
      : [{ ...each, from, to: Number(text) }];
  });

/** All of them, as they would be: what is not changed stays. */
export const limitsAfter = (held: Limits, changes: readonly LimitChange[]): Limits => ({
  ...Object.fromEntries(limitFields.map(({ field }) => [field, held[field] ?? 0])),
  ...Object.fromEntries(changes.map(({ field, to }) => [field, to])),
});

/** The same by the command line. */
export const limitCommand = (
  region: string,
  name: string,
  changes: readonly LimitChange[],
  dryRun = false,
): string =>
  `npx meridian account limit ${name} --set ${
    changes.length === 0 ? "position=100" : changes.map(({ flag, to }) => `${flag}=${to}`).join(" ")
  }${dryRun ? " --dry-run" : ""} --region ${region} --as operator`;
