import { suite } from "uvu";
import * as assert from "uvu/assert";

import { wire } from "../../schemas/messages.ts";
import { systemClock } from "../kernel/system-clock.ts";
import { durationNs } from "../kernel/units.ts";
import { MarketRoutes } from "./market-routes.ts";
import { MemoryBroker, MemoryBus } from "./memory.ts";

const test = suite("requests that follow a market");

const second = durationNs(1_000_000_000);
const moved = wire.risk.v1.ApplyLimitsReply.encode({
  refusal: { code: "not_owner", reason: "moved", next: "", region: "us-east" },
}).finish();
const done = Uint8Array.of(0x10, 1);

test("B7.8 orders and limits go where a refusal says that the market is, and stay there", async () => {
  const broker = new MemoryBroker();
  const clock = systemClock();
  const markets = new MemoryBus(broker, clock);
  const heard: string[] = [];
  for (const [region, answer] of [
    ["eu-central", moved],
    ["us-east", done],
  ] as const) {
    for (const subject of [`cmd.${region}.M.submit`, `act.${region}.market.M.limits`]) {
      markets.serve(subject, (request) => {
        heard.push(request.subject);
        request.respond(answer);
      });
    }
  }
  const routes = new MarketRoutes(new MemoryBus(broker, clock));
  for (const subject of ["act.eu-central.market.M.limits", "cmd.eu-central.M.submit"]) {
    const reply = await routes.request(subject, new Uint8Array(), second);
    assert.equal(reply.ok && [...reply.value], [...done]);
  }
  assert.equal(heard, [
    "act.eu-central.market.M.limits",
    "act.us-east.market.M.limits",
    "cmd.us-east.M.submit",
  ]);
});

test("where nobody answers, the region that this process knows of is asked the next time", async () => {
  const broker = new MemoryBroker();
  const clock = systemClock();
  const markets = new MemoryBus(broker, clock);
  markets.serve("act.us-east.market.M.limits", (request) => request.respond(done));
  const routes = new MarketRoutes(new MemoryBus(broker, clock), () => "us-east");
  const ask = () => routes.request("act.eu-central.market.M.limits", new Uint8Array(), second);
  assert.is((await ask()).ok, false);
  assert.is((await ask()).ok, true);
});

test.run();
