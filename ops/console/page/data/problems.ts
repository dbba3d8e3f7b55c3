import type { Meaning } from "../parts/badge.tsx";
import { ageText, durationText } from "../parts/format.ts";
import { type Alert, stands } from "./alert-rules.ts";
import type { Incident } from "./incidents.ts";
import type { MarketView, RegionView } from "./status.ts";

/** Something that an operator should know: what is wrong, since when, and where to go. */
export interface Problem {
  readonly id: string;
  readonly is: Extract<Meaning, "fail" | "warn">;
  readonly title: string;
  readonly detail: string;
  /** Path, query and label of what to do. */
  readonly go: readonly string[];
  readonly query?: Readonly<Record<string, string>>;
  readonly verb: string;
}

/** A cell is asked every second; after this many milliseconds without an answer it is silent. */
export const silentAfterMs = 3_000;

/** Pure: the worst first. */
export function problemsOf(
  regions: readonly RegionView[],
  markets: readonly MarketView[],
  alerts: readonly Alert[],
  incidents: readonly Incident[],
  now: number,
): readonly Problem[] {
  const found: Problem[] = [];
  for (const region of regions) found.push(...regionProblems(region, markets, now));
  for (const each of markets) found.push(...marketProblems(each));
  for (const alert of alerts.filter((each) => stands(each, now))) {
    found.push({
      id: `alert/${alert.id}`,
      is: "warn",
      title: `${alert.market} is slower than usual since ${ageText(now - alert.raisedAt)}`,
      detail: `median ${durationText(alert.p50Ns)}, usually ${durationText(alert.usualP50Ns)}; cause: ${alert.cause.replaceAll("_", " ")}`,
      go: ["markets", alert.market],
      verb: "Open the market",
    });
  }
  for (const incident of incidents) found.push(...incidentProblems(incident));
  return found.sort((a, b) => Number(b.is === "fail") - Number(a.is === "fail"));
}

function regionProblems(
  region: RegionView,
  markets: readonly MarketView[],
  now: number,
): Problem[] {
  const { name, status, at, reason } = region;
  if (status === null || now - at > silentAfterMs) {
    const led = markets.filter((each) => each.region === name).map((each) => each.market);
    const since = at === 0 ? "has not answered yet" : `does not answer since ${ageText(now - at)}`;
    const consequence = led.length === 0 ? "It led no market." : `It led ${led.join(", ")}.`;
    return [
      {
        id: `region/${name}`,
        is: at === 0 && now - region.source.reading.value.at < silentAfterMs ? "warn" : "fail",
        title: `Region ${name} ${since}`,
        detail: at === 0 ? reason : consequence,
        go: ["regions", name],
        verb: led.length > 0 ? "Fail over…" : "Open the region",
      },
    ];
  }
  if (status.ready) return [];
  return [
    {
      id: `region/${name}`,
      is: "warn",
      title: `Region ${name} takes no orders`,
      detail: status.notReadyReason,
      go: ["regions", name],
      verb: "Open the region",
    },
  ];
}

/** Until it is mitigated, whether somebody looks after it or not. */
function incidentProblems(of: Incident): Problem[] {
  const { id, region, finding, status, level, acknowledgedBy } = of;
  const isNobodys = status === "detected" || status === "escalated";
  if (!isNobodys && status !== "acknowledged") return [];
  const paged = level ? `L${level} was paged` : "nobody was paged";
  const person = isNobodys ? `nobody looks after it, ${paged}` : `${acknowledgedBy} looks after it`;
  return [
    {
      id: `incident/${id}`,
      is: isNobodys && finding?.severity === "page" ? "fail" : "warn",
      title: finding?.title ?? "",
      detail: finding?.detail ? `${finding.detail} · ${person}` : person,
      go: ["incidents"],
      query: { open: `incident:${region}/${id}` },
      verb: "Open it",
    },
  ];
}

function marketProblems({ market, region, status }: MarketView): Problem[] {
  const bad = { failed: "fail", halted: "warn", recovering: "warn", stopped: "warn" } as const;
  const is = bad[status.state as keyof typeof bad];
  if (is === undefined) return [];
  return [
    {
      id: `market/${market}`,
      is,
      title: `${market} is ${status.state}`,
      detail: status.detail === "" ? `as ${region} tells` : status.detail,
      go: ["markets", market],
      verb: status.state === "halted" ? "Resume…" : "Open the market",
    },
  ];
}
