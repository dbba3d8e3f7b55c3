import { patterns } from "../../schemas/subjects.ts";
import type { Bus, Subscription } from "../kernel/ports/bus.ts";
import type { Log } from "../kernel/ports/log.ts";
import { refuse } from "../kernel/result.ts";
import { encodeRefusal } from "../risk-limit/codec.ts";
import type { LimitsHost } from "./market-host.ts";

/** Serves act.<region>.market.<market>.limits, by which the values of risk limits reach the engine. */
export function serveMarketLimits(of: {
  readonly region: string;
  readonly bus: Bus;
  readonly log: Log;
  readonly markets: LimitsHost;
  /** Each refusal, by code. */
  readonly refused: (code: string) => void;
}): Subscription {
  return of.bus.serve(patterns.marketLimitsOf(of.region), (request) => {
    const [, , , market = "", verb, ...rest] = request.subject.split(".");
    if (verb !== "limits" || rest.length > 0) {
      const known = `act.${of.region}.market.<market>.limits`;
      of.refused("not_found");
      const { failure } = refuse("not_found", "no actor has this subject", known);
      request.respond(encodeRefusal(failure));
      return;
    }
    of.markets.limits(market, request.payload).then(
      (reply) => {
        // What is not answered is sent again.
        if (reply.ok) request.respond(reply.value);
      },
      (error: unknown) => of.log.error({ error: String(error) }, "limits were not applied"),
    );
  });
}
