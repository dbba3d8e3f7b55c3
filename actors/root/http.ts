import fastify, { type FastifyInstance } from "fastify";

import type { RegionReport } from "../region/messages.ts";
import { type AlertmanagerFace, serveAlertmanager } from "./alertmanager.ts";
import { type ConsoleFace, serveConsole } from "./console.ts";
import { Metrics, type Measured } from "./metrics.ts";

/** What the HTTP face of a cell asks for; never rejects for reasons that a client could cause. */
export interface HttpSource {
  readonly report: () => Promise<RegionReport>;
  readonly measured: () => Promise<Measured>;
  /** The ops console; null: not served. */
  readonly console: ConsoleFace | null;
  readonly alertmanager: AlertmanagerFace;
}

export interface HttpFace {
  /** For example http://127.0.0.1:8600. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves /livez (the process runs), /readyz (it takes orders; 503 with the reason when not), /status
 * (JSON), /metrics (Prometheus text), the console below /console/, and takes alerts at /alerts. Rejects when the address cannot be bound.
 */
export async function serveHttp(
  source: HttpSource,
  address: { readonly host: string; readonly port: number },
): Promise<HttpFace> {
  const app: FastifyInstance = fastify({ logger: false, forceCloseConnections: true });
  const metrics = new Metrics();
  app.get("/livez", () => ({ alive: true }));
  app.get("/readyz", async (_request, reply) => {
    const { ready, notReadyReason } = await source.report();
    return await reply
      .code(ready ? 200 : 503)
      .send(ready ? { ready } : { ready, reason: notReadyReason });
  });
  app.get("/status", async () => await source.report());
  app.get("/metrics", async (_request, reply) => {
    const text = await metrics.render(await source.measured());
    return await reply.type(metrics.contentType).send(text);
  });
  serveAlertmanager(app, source.alertmanager);
  if (source.console !== null) serveConsole(app, source.console);
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send({
      code: "not_found",
      reason: `nothing is served at ${request.method} ${request.url.slice(0, 128)}`,
      next: "POST /alerts, GET /livez, /readyz, /status, /metrics or /console/",
    }),
  );
  const url = await app.listen({ host: address.host, port: address.port });
  return {
    url,
    close: async () => {
      metrics.close();
      await app.close();
    },
  };
}
