import { z } from "zod";

const seconds = z.number().min(0.1).max(86_400);

/** Pages and what becomes of them. */
export const incidentsSchema = z.strictObject({
  /** Seconds until a page of the first, and of the second level is taken to the next one. */
  acknowledgeWithin: z.tuple([seconds, seconds]).default([60, 60]),
  /** Where each page is sent as JSON, besides NATS; null: nowhere. */
  webhook: z
    .strictObject({
      url: z.url({ protocol: /^https?$/ }),
      /** Its text is sent as bearer token; null: none is sent. */
      tokenFile: z.string().nullable().default(null),
    })
    .nullable()
    .default(null),
  /** Bearer token with which alerts are taken from other machines; null: from this machine only. */
  alertsTokenFile: z.string().nullable().default(null),
});
export type IncidentsConfiguration = z.infer<typeof incidentsSchema>;
export type IncidentsConfigurationFile = z.input<typeof incidentsSchema>;
