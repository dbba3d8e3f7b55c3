import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import type { NatsConnection } from "nats";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { wire } from "../../schemas/messages.ts";
import { commandSubject } from "../../schemas/subjects.ts";
import { meridian } from "../support/command-line.ts";
import { withCluster } from "../support/launched-cluster.ts";
import { missingNatsServer } from "../support/nats-cluster.ts";
import { repository } from "../support/shared-data.ts";
import { testUnless } from "../support/skip.ts";

const test = suite("region drain");
const { SubmitRequest, SubmitReply, Side, OrderType, TimeInForce } = wire.market.v1;
const drained = "us-east";
const market = "BTC-USD";
const session = 4_712;
const WITHIN_MS = 60_000;

/** One order after another, each again under its number, where the market is said to be, until it is told. */
class Client {
  readonly #connection: NatsConnection;
  #region = drained;
  #number = 0;
  #stopped = false;
  /** Final refusals of an order, but for those that a client has to expect while a market moves. */
  readonly refused: string[] = [];

  constructor(connection: NatsConnection) {
    this.#connection = connection;
  }
  get region(): string {
    return this.#region;
  }

  async run(): Promise<void> {
    while (!this.#stopped) await this.place();
  }
  stop(): void {
    this.#stopped = true;
  }

  async place(): Promise<void> {
    this.#number += 1;
    const place = {
      side: Side.SIDE_BUY,
      orderType: OrderType.ORDER_TYPE_LIMIT,
      timeInForce: TimeInForce.TIME_IN_FORCE_IOC,
      price: 5_000_000,
      quantity: 10,
    };
    const commands = [{ number: this.#number, account: 9, place }];
    const payload = SubmitRequest.encode({ session, commands }).finish();
    const until = performance.now() + WITHIN_MS;
    let last = "";
    while (performance.now() < until) {
      const subject = commandSubject(this.#region, market, "submit");
      const reply = await this.#connection
        .request(subject, payload, { timeout: 2_000 })
        .then(({ data }) => SubmitReply.decode(data))
        .catch(() => null);
      if (reply !== null && !reply.refusal) {
        const refusal = reply.outcomes[0]?.refusal;
        if (refusal) this.refused.push(refusal.code ?? "");
        return;
      }
      last = reply?.refusal?.reason ?? "no answer";
      const told = reply?.refusal?.region ?? "";
      // Who does not answer may have lost the market: its home knows where it is.
      if (told !== "" || reply === null) this.#region = told === "" ? drained : told;
      await sleep(50);
    }
    throw new Error(`order ${this.#number} is not told its outcome: ${last}`);
  }
}

interface RegionsView {
  readonly regions: readonly {
    readonly name: string;
    readonly drain: string;
    readonly owned: readonly { readonly market: string }[];
  }[];
}

testUnless(
  test,
  missingNatsServer(),
  "B9.4 B9.7 a region is drained while a client trades, takes nothing that is given to it, and is undrained",
  async () => {
    const cellProgram = join(repository, "actors", "root", "main.ts");
    await withCluster(
      async ({ overview, ...cluster }) => {
        const data = overview.plan.dataDirectory;
        const asked = async (...given: string[]): ReturnType<typeof meridian> =>
          meridian(data, ["region", ...given, "--as", "operator", "-o", "json"]);
        const status = async (name: string) => {
          const { output } = await asked("status");
          return (JSON.parse(output) as RegionsView).regions.find((one) => one.name === name);
        };
        const client = new Client(await cluster.connect("operator"));
        await client.place();
        const dry = await asked("drain", drained, "--dry-run");
        assert.is(dry.code, 0, dry.errors);
        assert.is((await status(drained))?.drain, "", "a dry run changes nothing");
        const running = client.run();
        const done = await asked("drain", drained, "--confirm", drained);
        assert.is(done.code, 0, done.errors + done.output);
        await client.place();
        client.stop();
        await running;
        assert.equal(client.refused, [], "clients see a pause and no refusal");
        const to = client.region;
        assert.is.not(to, drained);
        const after = await status(drained);
        assert.equal([after?.drain, after?.owned], ["drained", []]);

        const into = await asked("failback", to, "--to", drained, "--confirm", to);
        assert.is(into.code, 3, "nothing moves into a drained region");
        assert.match(into.errors, /undrain/);
        const undone = await asked("undrain", drained);
        assert.is(undone.code, 0, undone.errors);
        assert.is((await status(drained))?.drain, "");
        const again = await asked("undrain", drained);
        assert.is(again.code, 3, again.errors);
      },
      { cellProgram, engine: "portable", takeover: "automatic" },
    );
  },
);

test.run();
