import type { CommandFields } from "../../native/command-slots.ts";

/**
 * The lines of a scenario: commands, what is expected of them, and checks of the market. README.md
 * beside this file has the grammar.
 */

/** An order or a command by its name in the case; numbers stay numbers. */
export interface Command {
  readonly label: string | null;
  /** Nanoseconds; null: the time of the line before. */
  readonly time: bigint | null;
  /** Fields that are known before the case is played. */
  readonly fields: Partial<CommandFields>;
  /** Whose id goes into `orderId`. */
  readonly order: string | null;
  /** `orderId` and `quantity` name an `executed` event. */
  readonly trade: { readonly label: string; readonly index: number } | null;
  /** The account is the one of `order`. */
  readonly takesAccount: boolean;
  /** The first event of its own action, as far as the command says it. */
  readonly own: ExpectedEvent;
}
export interface ExpectedEvent {
  readonly kind: string;
  readonly fields: ReadonlyMap<string, string>;
}
export type Line = { readonly text: string } & (
  | {
      readonly is: "command";
      readonly command: Command;
      readonly events: readonly ExpectedEvent[];
      /** More events may follow. */
      readonly open: boolean;
    }
  | { readonly is: "book"; readonly side: "buy" | "sell"; readonly orders: readonly string[] }
  | { readonly is: "open"; readonly count: number }
  | { readonly is: "work"; readonly left: boolean }
  | { readonly is: "id"; readonly order: string; readonly id: number }
);

const kinds = {
  place: 1,
  cancel: 2,
  reduce: 3,
  replace: 4,
  configure: 5,
  state: 6,
  breaker: 7,
  mass_cancel: 8,
  limit: 9,
  kill: 10,
  release: 10,
  position: 11,
  bust: 12,
  correct: 13,
  tick: 14,
  seed: 15,
} as const;
/** Types whose name is followed by a trigger or distance. */
const typesWithTrigger = [
  "stop",
  "stop_limit",
  "trailing_stop",
  "pegged_primary",
  "pegged_market",
  "pegged_mid",
];
const typeNumbers = ["limit", "market", ...typesWithTrigger];
const timesInForce = ["day", "ioc", "fok", "gtc", "gtd", "at_open", "at_close", "good_for_auction"];
const attributes: Readonly<Record<string, number>> = {
  post_only: 1,
  reprice: 2,
  hidden: 4,
  reduce_only: 8,
  all_or_none: 16,
  random_refresh: 32,
  bps: 2048,
};
const selfTradePreventions = ["none", "newest", "oldest", "both", "decrement"];
const links = ["none", "oco", "child"];
const states = [
  "open",
  "halted",
  "pre_open",
  "opening_auction",
  "volatility_auction",
  "closing_auction",
  "closed",
];
const breakers = ["none", "interrupt", "limit_state"];
const limits = [
  "quantity",
  "notional",
  "collar",
  "open_orders",
  "position",
  "message_rate",
  "execution_rate",
];

/** Kinds of own events that tell the account of the command. */
const kindsWithAccount = new Set(
  "accepted replaced mass_canceled limit_set killed released position_set".split(" "),
);

type Fields = { -readonly [Name in keyof CommandFields]?: CommandFields[Name] };

/** The words of a line, taken one after the other. */
class Words {
  readonly #words: string[];
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
    this.#words = text.split(/\s+/).filter((word) => word !== "");
  }

  get done(): boolean {
    return this.#words.length === 0;
  }

  peek(): string | undefined {
    return this.#words[0];
  }

  next(): string {
    const word = this.#words.shift();
    if (word === undefined) this.fail("ends too early");
    return word;
  }

  /** Takes the word when it is the next one. */
  take(word: string): boolean {
    if (this.#words[0] !== word) return false;
    this.#words.shift();
    return true;
  }

  number(): number {
    const word = this.next().replaceAll("_", "");
    if (!/^-?\d+$/.test(word)) this.fail(`${word} is no number`);
    return Number(word);
  }

  of(table: readonly string[]): number {
    const word = this.next();
    const index = table.indexOf(word);
    if (index < 0) this.fail(`${word} is none of ${table.join(", ")}`);
    return index;
  }

  fail(why: string): never {
    throw new Error(`"${this.#text}": ${why}`);
  }
}

/** Reads the lines of a case; throws an Error that names the line it cannot read. */
export function parseSteps(text: string): Line[] {
  const joined: string[] = [];
  for (const raw of text.split("\n")) {
    const line = raw.replace(/(^|\s)#.*$/, "").trim();
    if (line === "") continue;
    // A line that goes on with what is expected belongs to the one before.
    if (/^(=>|;)/.test(line) && joined.length > 0) joined[joined.length - 1] += ` ${line}`;
    else joined.push(line);
  }
  const known = new Map<string, Line>();
  return joined.flatMap(repeated).map((one) => {
    const line = known.get(one) ?? parseLine(one);
    known.set(one, line);
    return line;
  });
}

/** `3x …` is the line three times; a `+` in it is 1, 2, 3. */
function repeated(line: string): string[] {
  const found = /^(\d+)x\s+(.*)$/.exec(line);
  if (found === null) return [line];
  const [, count, text = ""] = found;
  return Array.from({ length: Number(count) }, (_, index) => text.replace("+", String(index + 1)));
}

function parseLine(text: string): Line {
  const [asked = "", expected, ...rest] = text.split("=>");
  if (rest.length > 0) throw new Error(`"${text}": more than one =>`);
  const words = new Words(asked);
  if (words.take("bids")) return { is: "book", text, side: "buy", orders: orderList(asked) };
  if (words.take("asks")) return { is: "book", text, side: "sell", orders: orderList(asked) };
  if (words.take("open")) return { is: "open", text, count: words.number() };
  if (words.take("work")) return { is: "work", text, left: words.of(["no", "yes"]) === 1 };
  if (words.take("id")) {
    const order = words.next();
    const [generation = "", slot = ""] = words.next().split(":");
    return { is: "id", text, order, id: Number(generation) * 2 ** 24 + Number(slot) };
  }
  const command = parseCommand(words);
  const pieces = (expected ?? "ok")
    .split(";")
    .map((piece) => piece.trim())
    .filter((piece) => piece !== "")
    .flatMap(repeated);
  const open = pieces.at(-1) === "...";
  if (open) pieces.pop();
  const events = pieces.map((piece) => parseEvent(piece, command));
  if (events.length === 0 && !open) throw new Error(`"${text}": nothing is expected`);
  return { is: "command", text, command, events, open };
}

/** `bids a 10@100, b 5@99`; `-` is an empty side. */
function orderList(text: string): string[] {
  const list = text
    .trim()
    .replace(/^\w+\s*/, "")
    .split(",")
    .map((one) => one.trim().replaceAll(/\s*@\s*/g, "@"));
  return list.length === 1 && list[0] === "-" ? [] : list;
}

function parseCommand(words: Words): Command {
  let time: bigint | null = null;
  let label: string | null = null;
  const stamp = /^\[(\d+)(s|ms|ns)\]$/.exec(words.peek() ?? "");
  if (stamp !== null) {
    words.next();
    const unit = { s: 1_000_000_000n, ms: 1_000_000n, ns: 1n }[stamp[2] as "s" | "ms" | "ns"];
    time = BigInt(stamp[1] as string) * unit;
  }
  if (words.peek()?.endsWith(":") === true) label = words.next().slice(0, -1);
  const fields: Fields = {};
  const expects = new Map<string, string>();
  let kind = "";
  let order: string | null = null;
  let trade: Command["trade"] = null;
  let takesAccount = false;
  const verb = words.next();
  switch (verb) {
    case "buy":
    case "sell": {
      kind = "accepted";
      const side = verb === "buy" ? 0 : 1;
      const quantity = words.number();
      Object.assign(fields, { kind: kinds.place, side, quantity, account: side + 1 });
      expects.set("qty", String(quantity));
      expects.set("side", verb);
      break;
    }
    case "cancel":
    case "reduce":
    case "replace":
      fields.kind = kinds[verb];
      order = words.next();
      takesAccount = true;
      if (verb === "cancel") {
        kind = "canceled";
        expects.set("order", order);
        expects.set("reason", "user");
        break;
      }
      fields.quantity = words.number();
      expects.set("qty", String(fields.quantity));
      if (verb === "reduce") {
        kind = "reduced";
        expects.set("order", order);
        expects.set("reason", "user");
      } else {
        kind = "replaced";
        expects.set("old", order);
      }
      break;
    case "configure":
      kind = "configured";
      Object.assign(fields, { kind: kinds.configure, price: 1, trigger: 1_000_000 });
      Object.assign(fields, { quantity: 1_000_000, orderId: 1_000n });
      break;
    case "state":
      kind = "state";
      fields.kind = kinds.state;
      expects.set("state", words.peek() ?? "");
      fields.orderType = words.of(states);
      break;
    case "breaker":
      kind = "breaker";
      fields.kind = kinds.breaker;
      expects.set("mode", words.peek() ?? "");
      fields.orderType = words.of(breakers);
      break;
    case "mass_cancel":
      kind = "mass_canceled";
      fields.kind = kinds.mass_cancel;
      break;
    case "limit":
      kind = "limit_set";
      fields.kind = kinds.limit;
      expects.set("which", words.peek() ?? "");
      fields.orderType = words.of(limits);
      expects.set("value", words.peek() ?? "");
      fields.orderId = BigInt(words.number());
      break;
    case "kill":
    case "release":
      kind = verb === "kill" ? "killed" : "released";
      fields.kind = kinds[verb];
      fields.orderType = verb === "kill" ? 0 : 1;
      break;
    case "position": {
      kind = "position_set";
      fields.kind = kinds.position;
      const lots = words.number();
      expects.set("lots", String(lots));
      fields.side = lots < 0 ? 1 : 0;
      fields.orderId = BigInt(Math.abs(lots));
      break;
    }
    case "bust":
    case "correct": {
      kind = `${verb}ed`;
      fields.kind = kinds[verb];
      const [of = "", index = ""] = words.next().split(".");
      trade = { label: of, index: Number(index) };
      expects.set("trade", `${of}.${index}`);
      if (verb === "correct") {
        fields.display = words.number();
        expects.set("qty", String(fields.display));
      }
      break;
    }
    case "tick":
      kind = "ticked";
      fields.kind = kinds.tick;
      break;
    case "seed":
      kind = "seeded";
      fields.kind = kinds.seed;
      fields.orderId = BigInt(words.number());
      break;
    default:
      words.fail(`${verb} is no command`);
  }
  while (!words.done) order = option(words, fields, expects) ?? order;
  if (label !== null && (kind === "accepted" || kind === "replaced")) expects.set("order", label);
  if (fields.account !== undefined && kindsWithAccount.has(kind))
    expects.set("account", String(fields.account));
  if (fields.account !== undefined) takesAccount = false;
  const own = { kind, fields: expects };
  return { label, time, fields, order, trade, takesAccount, own };
}

/** Takes one option of a command; returns the order it names, if it does. */
function option(words: Words, fields: Fields, expects: Map<string, string>): string | null {
  const word = words.next();
  const set = (name: keyof Fields, event: string): null => {
    const value = words.number();
    Object.assign(fields, { [name]: value });
    if (event !== "") expects.set(event, String(value));
    return null;
  };
  const addAttribute = (bits: number): void => {
    fields.attributes = (fields.attributes ?? 0) + bits;
  };
  if (timesInForce.includes(word)) {
    fields.timeInForce = timesInForce.indexOf(word);
    if (word === "gtd") fields.expiry = words.number();
    return null;
  }
  const attribute = attributes[word];
  if (attribute !== undefined) {
    addAttribute(attribute);
    return null;
  }
  if (typeNumbers.includes(word)) {
    fields.orderType = typeNumbers.indexOf(word);
    expects.set("type", word);
    return typesWithTrigger.includes(word) ? set("trigger", "trigger") : null;
  }
  switch (word) {
    case "@":
      return set("price", "price");
    case "by":
      return set("account", "");
    case "display":
    case "minimum":
    case "discretion":
    case "group":
      return set(word, "");
    case "trigger":
    case "protection":
      return set("trigger", "trigger");
    case "stp":
      addAttribute(64 * words.of(selfTradePreventions));
      return null;
    case "oco":
    case "child":
      addAttribute(512 * links.indexOf(word));
      return words.next();
    case "reference":
      return set("price", "reference");
    case "width":
      return set("quantity", "width");
    case "seconds":
      return set("expiry", "");
    case "window":
      return set("quantity", "window");
    case "band":
      set("price", "low");
      return set("trigger", "high");
    case "max":
      return set("quantity", "");
    case "capacity":
      fields.orderId = BigInt(words.number());
      return null;
    case "mode":
      return set("orderType", "");
    case "side":
      fields.orderType = (fields.orderType ?? 0) + 1;
      fields.side = words.of(["buy", "sell"]);
      return null;
    case "prices":
      fields.orderType = (fields.orderType ?? 0) + 2;
      set("price", "");
      return set("trigger", "");
    case "of_group":
      fields.orderType = (fields.orderType ?? 0) + 4;
      return set("group", "");
    case "session": {
      const [session = "", number = ""] = words.next().split("/");
      Object.assign(fields, { session: BigInt(session), number: BigInt(number) });
      return null;
    }
    case "field": {
      const name = words.next();
      const value = words.next();
      const wide = name === "orderId" || name === "session" || name === "number";
      Object.assign(fields, { [name]: wide ? BigInt(value) : Number(value) });
      return null;
    }
    default:
      return words.fail(`${word} is no option`);
  }
}

/** What stands after the kind without a name, in this order. */
const positions: Readonly<Record<string, readonly string[]>> = {
  executed: ["order", "maker", "qty"],
  canceled: ["order", "qty", "reason"],
  reduced: ["order", "qty", "reason"],
  refused: ["reason"],
  state: ["state"],
  touch: ["bid", "ask"],
  rested: ["order", "qty"],
  triggered: ["order"],
  activated: ["order", "qty"],
  repriced: ["order"],
  indicative: ["volume"],
  limit_state: ["phase", "side"],
  breaker: ["mode"],
};
/** Words that stand for a field and its value. */
const flags: Readonly<Record<string, readonly [string, string]>> = {
  dark: ["dark", "yes"],
  uncross: ["uncross", "yes"],
  buy: ["side", "buy"],
  sell: ["side", "sell"],
};
const fieldNames = new Set([
  ..."order maker qty reason state bid ask volume phase side mode price rest account old maker_account".split(
    " ",
  ),
  ..."type trigger link stop parent from surplus reference width first executed open".split(" "),
  ..."refusal which value window lots trade buyer seller before low high filters".split(" "),
]);

function parseEvent(text: string, command: Command): ExpectedEvent {
  const words = new Words(text);
  const named = words.next();
  const own = named === "ok" || named === "accepted" || named === command.own.kind;
  const kind = named === "ok" ? command.own.kind : named;
  const placed = named === "ok" ? [] : (positions[kind] ?? []);
  // What is written out says all; only `ok` and `accepted` take what the command said.
  const fields = new Map(own && placed.length === 0 ? command.own.fields : []);
  if (kind === "executed") fields.set("dark", "no").set("uncross", "no");
  for (const name of placed) {
    if (words.done || words.peek() === "@") break;
    fields.set(name, words.next());
  }
  while (!words.done) {
    const word = words.next();
    const flag = flags[word];
    if (flag !== undefined) fields.set(flag[0], flag[1]);
    else if (word === "@") fields.set("price", words.next());
    else if (fieldNames.has(word)) fields.set(word, words.next());
    else words.fail(`${word} is no field of an event`);
  }
  return { kind, fields };
}
