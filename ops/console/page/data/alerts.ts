import { signal } from "@preact/signals";

import { patterns } from "../../../../schemas/subjects.ts";
import { listen } from "../live/link.ts";
import { type Alert, takeAlert } from "./alert-rules.ts";

/** Alerts that were heard since the page was loaded, the newest first. */
export const alerts = signal<readonly Alert[]>([]);
export function followAlerts(): () => void {
  return listen(patterns.alerts, (payload, subject) => {
    if (subject.split(".")[2] !== "latency") return;
    alerts.value = takeAlert(alerts.value, payload, Date.now());
  });
}
