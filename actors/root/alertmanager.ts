import { timingSafeEqual } from "node:crypto";

import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";

import { finding, type Told } from "../incident/findings.ts";
import { isFromHere } from "./console.ts";

/** Prometheus Alertmanager's webhook, version 4 of its payload; fields that are not read are let pass. */

const labels = z.record(z.string().max(128), z.string().max(1_024));
const notification = z.object({
  version: z.literal("4"),
  alerts: z
    .array(
      z.object({
        status: z.enum(["firing", "resolved"]),
        labels,
        annotations: labels.default({}),
      }),
    )
    .max(256),
});

/** One alert of one cell, or of the whole region when it has no such label. */
function toldOf(
  region: string,
  { status, labels: named, annotations }: z.infer<typeof notification>["alerts"][number],
): Told {
  const { alertname = "unnamed", severity, runbook = "", cell = "", market = "" } = named;
  const about = [alertname, cell, market].filter((word) => word !== "").join("-");
  const { summary = alertname } = annotations;
  return {
    stands: status === "firing",
    finding: finding("prometheus", {
      affected: named["region"]?.replaceAll(/[^A-Za-z0-9_-]/g, "-").slice(0, 32) || region,
      subject: about,
      severity: severity === "page" ? "page" : "ticket",
      title: summary.slice(0, 256) || alertname,
      detail: Object.entries(named)
        .map(([name, value]) => `${name}=${value}`)
        .join(" ")
        .slice(0, 1_024),
      ...(/^RB-\d\d$/.test(runbook) ? { runbook } : {}),
      source: "alertmanager",
    }),
  };
}

/** Alerts of a notification. Failure: why it is none. */
export function alertsOf(region: string, body: unknown): readonly Told[] | string {
  const parsed = notification.safeParse(body);
  if (parsed.success) return parsed.data.alerts.map((alert) => toldOf(region, alert));
  const [issue] = parsed.error.issues;
  return `${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`;
}

export interface AlertmanagerFace {
  readonly region: string;
  /** Bearer token; null: alerts are taken from this machine only. */
  readonly token: string | null;
  /** Null: the cell is starting. */
  readonly found: () => ((told: Told) => void) | null;
}

const largestBody = 1024 * 1024;

/** POST /alerts: what Alertmanager has to tell becomes incidents of the region. */
export function serveAlertmanager(app: FastifyInstance, face: AlertmanagerFace): void {
  app.post("/alerts", { bodyLimit: largestBody }, (request, reply) => {
    if (!permitted(request, face.token)) {
      return reply.code(403).send({
        code: "not_permitted",
        reason: "alerts are taken from this machine, or with the token of the configuration",
        next: "set incidents.alertsTokenFile, and http_config.authorization in Alertmanager",
      });
    }
    const alerts = alertsOf(face.region, request.body);
    if (typeof alerts === "string") {
      return reply.code(400).send({
        code: "malformed",
        reason: `no notification of Alertmanager: ${alerts}`,
        next: "send what its webhook_config sends",
      });
    }
    const found = face.found();
    if (found === null) {
      return reply
        .code(503)
        .send({ code: "unavailable", reason: "the cell is starting", next: "" });
    }
    for (const told of alerts) found(told);
    return reply.code(202).send({ taken: alerts.length });
  });
}

function permitted(request: FastifyRequest, token: string | null): boolean {
  if (token === null) return isFromHere(request);
  const given = Buffer.from(request.headers.authorization ?? "");
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
