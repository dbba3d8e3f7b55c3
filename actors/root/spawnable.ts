import { z } from "zod";

import { decodeDefinition, keys } from "../region/codec.ts";
import { checkDefinition } from "../region/definition.ts";
import type { MarketDefinition } from "../region/messages.ts";
import { hashOf } from "../control/placement.ts";
import type { ActorAddress, ActorRecord, SpawnableType, SteerVerb } from "../control/messages.ts";
import type { StrategyProcesses } from "../custom-strategy/adviser.ts";
import { parameterRules as customRules } from "../custom-strategy/codec.ts";
import type { CustomStrategyParameters } from "../custom-strategy/messages.ts";
import {
  parameterRules as executionRules,
  povParameters,
  twapParameters,
} from "../execution/codec.ts";
import type { ExecutionParameters } from "../execution/messages.ts";
import type { KeyStore } from "../kernel/ports/bus.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import { encodeReport, parameterRules as makerRules } from "../market-maker/codec.ts";
import { targetQuotes } from "../market-maker/decide.ts";
import type { MarketMakerParameters, QuotingModel } from "../market-maker/messages.ts";
import { emptyLedger } from "../trading/ledger.ts";
import { emptyView, type Seen, seen } from "../trading/market-view.ts";
import type { Instrument, TraderStart } from "../trading/messages.ts";
import { type OwnLimits, ownLimit, type TraderLimits } from "./trader-limits.ts";
import { parameterSchema } from "./parameter-schema.ts";

/** The types of actors that can be spawned by request, with what they share: a market and an account. */

export interface SpawnableOf {
  /** Markets that files define; those made at run time are in the directory. */
  readonly markets: readonly MarketDefinition[];
  readonly keys: KeyStore;
  readonly steerMaker: (path: string, commandId: string, verb: SteerVerb) => Promise<Result<void>>;
  readonly steerExecution: (
    path: string,
    commandId: string,
    verb: SteerVerb,
  ) => Promise<Result<void>>;
  readonly steerCustom: (path: string, commandId: string, verb: SteerVerb) => Promise<Result<void>>;
  /** The best prices of a market now; null: nobody tells. */
  readonly touch: (instrument: Instrument) => Promise<Seen | null>;
  readonly processes: StrategyProcesses;
  readonly limits: TraderLimits;
  readonly region: string;
}

type Texts = Readonly<Record<string, string>>;

/** Of the actor's own risk limit. */
const bound = (description: string) =>
  z
    .string()
    .regex(/^\d{1,15}$/, "a whole number")
    .meta({ description, minimum: 1, multipleOf: 1 })
    .transform(Number)
    .refine((value) => value >= 1, "at least 1")
    .optional();
const bounds = ["maximumOrder", "maximumOpen", "maximumPosition", "maximumLoss"] as const;
type Bounds = { readonly [Name in (typeof bounds)[number]]?: number | undefined };

const shared = z.looseObject({
  market: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,32}$/, "the name of a market")
    .meta({ description: "market it trades in", format: "market" }),
  account: z
    .string()
    .regex(/^\d{1,10}$/, "an account number")
    .refine((text) => Number(text) >= 1 && Number(text) < 2 ** 32, "from 1 to 2^32 - 1")
    .meta({
      description: "account it trades under; one of its own when left out",
      format: "account",
    }),
  risk: z
    .string()
    .regex(/^[A-Za-z0-9_-]{0,64}$/, "the name of a risk limit")
    .meta({
      description: "risk limit that is asked before each order; one of its own when left out",
      format: "risk-limit",
    })
    .default(""),
  maximumOrder: bound("quantity units of an order, of its own risk limit"),
  maximumOpen: bound("quantity units that may be open, of its own risk limit"),
  maximumPosition: bound("quantity units long or short, of its own risk limit"),
  maximumLoss: bound("price units times quantity units, of its own risk limit"),
});

export function spawnableTypes(of: SpawnableOf): ReadonlyMap<string, SpawnableType> {
  const maker = (model: QuotingModel): SpawnableType =>
    spawnable<z.infer<typeof makerRules>, MarketMakerParameters>(of, {
      type: model,
      group: "strategies",
      actorType: "market-maker",
      rules: makerRules,
      parameters: ({ quantity, maximumInventory, ...given }, instrument): MarketMakerParameters => {
        const each = quantity ?? defaultQuantity(instrument);
        return {
          ...given,
          model,
          quantity: each,
          maximumInventory: maximumInventory ?? 10 * each,
        };
      },
      steer: of.steerMaker,
      preview: async (parameters, instrument) => {
        const touch = await of.touch(instrument);
        return touch === null ? new Uint8Array() : quotesNow(parameters, instrument, touch);
      },
    });
  const execution = {
    group: "executions",
    actorType: "execution",
    steer: of.steerExecution,
  } as const;
  const types = [
    maker("avellaneda-stoikov"),
    maker("gueant-lehalle-tapia"),
    spawnable(of, {
      ...execution,
      type: "twap",
      rules: executionRules.twap,
      parameters: twapParameters,
    }),
    spawnable(of, {
      ...execution,
      type: "pov",
      rules: executionRules.pov,
      parameters: povParameters,
    }),
  ];
  types.push(
    spawnable(of, {
      type: "custom",
      group: "strategies",
      actorType: "custom-strategy",
      rules: customRules,
      parameters: (
        { quantity, maximumInventory, ...given },
        instrument,
      ): CustomStrategyParameters => {
        const each = quantity ?? defaultQuantity(instrument);
        return { ...given, quantity: each, maximumInventory: maximumInventory ?? 10 * each };
      },
      steer: of.steerCustom,
      trial: ({ source }) => of.processes.check(source),
    }),
  );
  return new Map(types.map((type) => [type.type, type]));
}

/** What a market maker that holds nothing would quote, as its report tells quotes. */
function quotesNow(
  parameters: MarketMakerParameters,
  instrument: Instrument,
  touch: Seen,
): Uint8Array {
  const view = seen(emptyView, touch);
  const target = targetQuotes(parameters, instrument, 0, view);
  const live = (["buy", "sell"] as const).flatMap((side) => {
    const price = side === "buy" ? target?.bid : target?.ask;
    if (price === null || price === undefined) return [];
    return [{ orderId: 0, side, price, remaining: parameters.quantity }];
  });
  const report = {
    state: "checked",
    detail: "",
    trader: { ledger: { ...emptyLedger, live }, phase: "running", memo: null },
    view,
    limit: { name: "", held: 0, refused: 0 },
  } as const;
  return encodeReport(report, 0);
}

interface Kind<Given extends { readonly quantity?: number | undefined }, Parameters>
  extends Pick<SpawnableType, "type" | "group" | "actorType" | "steer"> {
  readonly rules: z.ZodObject & z.ZodType<Given>;
  readonly parameters: (given: Given, instrument: Instrument) => Parameters;
  readonly preview?: (parameters: Parameters, instrument: Instrument) => Promise<Uint8Array>;
  /** What only a trial shows; done when one is spawned, not when it is started again. */
  readonly trial?: (given: Given) => Promise<Result<void>>;
}

type TraderParameters = MarketMakerParameters | ExecutionParameters | CustomStrategyParameters;

function spawnable<
  Given extends { readonly quantity?: number | undefined },
  Parameters extends TraderParameters,
>(of: SpawnableOf, kind: Kind<Given, Parameters>): SpawnableType {
  const { type, group, actorType, steer } = kind;
  async function read(id: string, texts: Texts): Promise<Result<Prepared<Given>>> {
    const own = String(defaultAccount(of.region, id));
    const common = shared.safeParse({ account: own, ...texts });
    if (!common.success) return invalid(type, common.error);
    const { market, account, risk, maximumOrder, maximumOpen, maximumPosition, maximumLoss } =
      common.data;
    const asked: Bounds = { maximumOrder, maximumOpen, maximumPosition, maximumLoss };
    const rest = Object.fromEntries(
      Object.entries(common.data).filter(([name]) => !sharedNames.has(name)),
    );
    const boundsFault = risk === "" ? null : bounds.find((name) => asked[name] !== undefined);
    if (boundsFault) {
      return badParameter(type, `${boundsFault}: the limit is that of ${risk}`);
    }
    const given = kind.rules.safeParse(rest);
    if (!given.success) return invalid(type, given.error);
    const instrument = await instrumentOf(of, market);
    if (!instrument.ok) return instrument;
    const fault = quantityFault(given.data.quantity ?? 0, instrument.value);
    if (fault !== null) return badParameter(type, `quantity: ${fault}`);
    return ok({
      instrument: instrument.value,
      account: Number(account),
      risk,
      bounds: asked,
      given: given.data,
    });
  }
  /** That it has a risk limit; a limit of its own is made. */
  async function limited(record: ActorRecord, prepared: Prepared<Given>): Promise<Result<void>> {
    const { instrument, account, risk, given } = prepared;
    if (risk !== "") return of.limits.covers(risk, account);
    const parameters = kind.parameters(given, instrument);
    const limits = ownLimits(parameters, prepared.bounds, instrument);
    const { id, requestedBy } = record;
    return of.limits.provide({ id, account, limits, requestedBy });
  }
  return {
    type,
    group,
    actorType,
    steer,
    schema: parameterSchema(type, shared, kind.rules),
    async check(id, texts) {
      const prepared = await read(id, texts);
      if (!prepared.ok) return prepared;
      const { instrument, account, risk, given, bounds: asked } = prepared.value;
      const tried = (await kind.trial?.(given)) ?? ok(undefined);
      if (!tried.ok) return tried;
      return ok({
        market: instrument.market,
        account: String(account),
        ...(risk === "" ? {} : { risk }),
        ...textsOf(asked),
        quantity: String(defaultQuantity(instrument)),
        ...textsOf(given),
      });
    },
    async preview(id, texts) {
      const prepared = kind.preview === undefined ? null : await read(id, texts);
      if (prepared?.ok !== true || kind.preview === undefined) return new Uint8Array();
      const { given, instrument } = prepared.value;
      return await kind.preview(kind.parameters(given, instrument), instrument);
    },
    async prepare(record) {
      const prepared = await read(record.id, record.parameters);
      return prepared.ok ? await limited(record, prepared.value) : prepared;
    },
    async start(record: ActorRecord, sender: ActorAddress) {
      const prepared = await read(record.id, record.parameters);
      if (!prepared.ok) return prepared;
      const { instrument, account, risk, given } = prepared.value;
      if (risk === "") {
        // Those that were spawned before every one had a limit get it when they are started again.
        const made = await of.limits.has(record.id);
        if (!made.ok) return made;
        const provided = made.value ? ok(undefined) : await limited(record, prepared.value);
        if (!provided.ok) return provided;
      }
      const start: TraderStart<TraderParameters> = {
        id: record.id,
        region: sender.actor.split("/")[0] ?? "",
        sender,
        account,
        risk: risk === "" ? ownLimit(record.id) : risk,
        instrument,
        parameters: kind.parameters(given, instrument),
      };
      return ok(start);
    },
  };
}

/** Accounts of actors that name none: one of their own, out of the way of those that people choose. */
const ownAccounts = { first: 3_000_000_000, count: 1_000_000_000 } as const;
const defaultAccount = (region: string, id: string): number =>
  ownAccounts.first + (hashOf(`${region}/${id}`) % ownAccounts.count);

const sharedNames: ReadonlySet<string> = new Set(["market", "account", "risk", ...bounds]);

/**
 * What the parameters say that it is to do, with room for what is under way: so whatever goes wrong in it, it
 * does not do much more than it was spawned for. The loss is a twentieth of what its largest position is
 * worth at the top of the band.
 */
function ownLimits(
  parameters: TraderParameters,
  asked: Bounds,
  { lot, maximumQuantity, bandHigh }: Instrument,
): OwnLimits {
  const { quantity } = parameters;
  const quotes = "maximumInventory" in parameters;
  const largest = quotes ? parameters.maximumInventory : quantity;
  const order = Math.min(quantity, maximumQuantity);
  const position = asked.maximumPosition ?? 2 * largest + 2 * quantity;
  const lots = (units: number): number => Math.ceil(units / lot);
  const worth = Math.min(Number.MAX_SAFE_INTEGER, Math.ceil((position * bandHigh) / 20));
  return {
    order: lots(asked.maximumOrder ?? order),
    open: lots(asked.maximumOpen ?? 8 * order),
    position: lots(position),
    loss: asked.maximumLoss ?? worth,
  };
}

/** Ten lots, or what the market takes at most. */
const defaultQuantity = ({ lot, maximumQuantity }: Instrument): number =>
  Math.min(10, Math.max(1, Math.floor(maximumQuantity / lot))) * lot;

interface Prepared<Given> {
  readonly instrument: Instrument;
  readonly account: number;
  readonly risk: string;
  readonly bounds: Bounds;
  readonly given: Given;
}

/** As they were given, defaults included; what is not set is left out. */
const textsOf = (given: object): Texts =>
  Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) =>
      value === null || value === undefined ? [] : [[name, plainNumber(value)]],
    ),
  );

/** Never in exponents: the rules read plain decimals. */
function plainNumber(value: unknown): string {
  const text = String(value);
  return typeof value === "number" && text.includes("e")
    ? value.toFixed(15).replace(/0+$/, "")
    : text;
}

function quantityFault(quantity: number, { lot, maximumQuantity }: Instrument): string | null {
  if (quantity % lot !== 0) return `a multiple of the lot, ${lot}`;
  // A parent order is worked in children; each of them is held to the maximum.
  return quantity > 1_000_000 * maximumQuantity ? "far above the market's maximum" : null;
}

async function instrumentOf(of: SpawnableOf, market: string): Promise<Result<Instrument>> {
  const known = of.markets.find((definition) => definition.market === market);
  if (known !== undefined) return ok(known);
  const entry = await of.keys.get(keys.directoryBucket, keys.market(market));
  if (!entry.ok) return refuse("unavailable", entry.failure.reason, "ask again in a moment");
  const input = entry.value === null ? null : decodeDefinition(entry.value.value);
  const checked = input === null ? null : checkDefinition(input);
  if (checked?.ok === true) return ok(checked.value);
  return refuse(
    "parameters_invalid",
    `market: no market ${market} is known`,
    "`npx meridian market list` names the markets",
  );
}

function invalid(type: string, error: z.ZodError): Result<never> {
  const [issue] = error.issues;
  const where = issue?.path.join(".") ?? "";
  return badParameter(type, `${where === "" ? "" : `${where}: `}${issue?.message ?? ""}`);
}

const badParameter = (type: string, why: string): Result<never> =>
  refuse(
    "parameters_invalid",
    `${type}: ${why}`,
    "`npx meridian strategy spawn --help` lists the parameters of each type",
  );
