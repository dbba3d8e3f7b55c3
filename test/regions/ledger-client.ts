/**
 * Clients of the drills' markets in one region, by the SDK over NATS: orders that rest, orders that
 * trade, cancels, each kept under its number until it is answered. Every answer is a line of the ledger
 * on standard output. "pause" on standard input lets what is under way end, "go" begins again.
 *   node test/regions/ledger-client.ts JSON
 */
import { randomInt } from "node:crypto";
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

import { connect, errors, type NatsConnection } from "nats";

import { loginFrom } from "../../actors/bus/login-files.ts";
import { connectionOptions } from "../../actors/bus/nats.ts";
import { seededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import {
  type Delivery,
  ExchangeClient,
  type Receipt,
  type Transport,
} from "../../schemas/sdk/client.ts";
import type { Action } from "../../schemas/sdk/orders.ts";
import { type LedgerLine, nowMs } from "./ledger.ts";

export interface ClientSettings {
  readonly name: string;
  readonly servers: readonly string[];
  readonly user: string;
  readonly seedFile: string;
  readonly authorityFile: string;
  /** Where the markets are looked for first, and then. */
  readonly home: string;
  readonly otherRegions: readonly string[];
  readonly markets: readonly string[];
  readonly seed: number;
  readonly pauseMs: number;
}

const settings = JSON.parse(process.argv[2] ?? "{}") as ClientSettings;
const random = seededRandomness(settings.seed);
const TIMEOUT_MS = 500;
/** The handshake of TLS on a busy machine; a server that is down refuses at once. */
const CONNECT_TIMEOUT_MS = 10_000;
const LONGEST_BACK_OFF_MS = 200;
/** Resends of one request until it counts as unanswered: some minutes. */
const ATTEMPTS = 400;
const ORDERS_KEPT = 40;
const ACTIONS = 3;

const write = (line: LedgerLine): void => {
  writeSync(1, `${JSON.stringify(line)}\n`);
};

/** Waits for a server for as long as it takes. */
async function connected(): Promise<NatsConnection> {
  const { servers, user, seedFile, authorityFile } = settings;
  const options = connectionOptions({
    servers,
    user,
    ...loginFrom(seedFile, authorityFile),
  });
  for (;;) {
    try {
      return await connect({ ...options, timeout: CONNECT_TIMEOUT_MS });
    } catch {
      await sleep(200);
    }
  }
}

const transport = (connection: NatsConnection): Transport => ({
  async request(subject, payload, timeoutMs): Promise<Delivery> {
    try {
      const reply = await connection.request(subject, payload, { timeout: timeoutMs });
      return { kind: "reply", payload: reply.data };
    } catch (error) {
      for (let cause = error; cause instanceof Error; cause = cause.cause) {
        if (cause instanceof errors.NoRespondersError) return { kind: "no_responders" };
        if (cause instanceof errors.TimeoutError) return { kind: "timeout" };
      }
      return { kind: "disconnected" };
    }
  },
});

let going = true;
const underWay = new Set<ExchangeClient>();
const clients: ExchangeClient[] = [];

function action(account: number, open: number[]): Action {
  const cancels = open.length > ORDERS_KEPT || (open.length > 0 && random.below(4) === 0);
  if (cancels) return { kind: "cancel", account, orderId: open.shift() ?? 0 };
  const side = random.below(2) === 0 ? "buy" : "sell";
  // Most rest on their own side of 1,000, some cross it.
  const distance = random.below(30) - 4;
  const price = side === "buy" ? 1_000 - distance : 1_001 + distance;
  return { kind: "place", account, side, timeInForce: "day", price, quantity: 1 + random.below(9) };
}

function note(
  market: string,
  session: number,
  actions: readonly Action[],
  open: number[],
  sentAt: number,
  { outcomes, durability, epoch }: Receipt,
): void {
  const at = nowMs();
  for (const [index, outcome] of outcomes.entries()) {
    const { number, sequence, orderId, executed, remaining, repeated } = outcome;
    const refusal = outcome.refusal?.code ?? "";
    if (sequence === 0) {
      write({ type: "unanswered", client: settings.name, market, code: refusal, at });
      continue;
    }
    if (actions[index]?.kind === "place" && refusal === "" && remaining > 0) open.push(orderId);
    write({
      type: "acknowledged",
      client: settings.name,
      market,
      session,
      number,
      sequence,
      orderId,
      executed,
      refusal,
      repeated,
      epoch,
      durability,
      sentAt,
      at,
    });
  }
}

async function trade(connection: NatsConnection, market: string, account: number): Promise<never> {
  const session = randomInt(1, 2 ** 47);
  const client = new ExchangeClient({
    region: settings.home,
    otherRegions: settings.otherRegions,
    market,
    session,
    transport: transport(connection),
    sleep: (milliseconds) => sleep(milliseconds),
    random: () => random.below(1_000) / 1_000,
    timeoutMs: TIMEOUT_MS,
    attempts: ATTEMPTS,
    maximumBackOffMs: LONGEST_BACK_OFF_MS,
  });
  clients.push(client);
  const open: number[] = [];
  for (;;) {
    await sleep(settings.pauseMs);
    if (!going) continue;
    underWay.add(client);
    const actions = Array.from({ length: ACTIONS }, () => action(account, open));
    const sentAt = nowMs();
    const answer = await client.submit(actions);
    underWay.delete(client);
    if (answer.ok) note(market, session, actions, open, sentAt, answer.value);
    else {
      const { code } = answer.failure;
      write({ type: "unanswered", client: settings.name, market, code, at: nowMs() });
    }
  }
}

const resends = (): number => clients.reduce((sum, client) => sum + client.counters().resends, 0);

async function pause(): Promise<void> {
  going = false;
  while (underWay.size > 0) await sleep(10);
  write({ type: "idle", client: settings.name, resends: resends() });
}

createInterface({ input: process.stdin }).on("line", (line) => {
  if (line === "pause") void pause();
  if (line === "go") going = true;
});
const connection = await connected();
await Promise.all(
  settings.markets.map((market, index) => trade(connection, market, 1 + index + settings.seed)),
);
