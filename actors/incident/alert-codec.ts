import { wire } from "../../schemas/messages.ts";
import { finding, type Told } from "./findings.ts";

const micros = (ns: number): string => `${(ns / 1_000).toFixed(1)} µs`;

/** What is said at alert.<region>.<kind>.<subject>; null: the bytes, or the kind, mean nothing. */
export function fromAlert(subject: string, payload: Uint8Array): Told | null {
  const [, region = "", kind = ""] = subject.split(".");
  try {
    switch (kind) {
      case "latency":
        return fromLatency(wire.control.v1.LatencyAlert.decode(payload));
      case "journal":
        return fromJournal(wire.control.v1.JournalAlert.decode(payload));
      case "residency":
        return fromResidency(region, wire.region.v1.ResidencyFault.decode(payload));
      default:
        return null;
    }
  } catch {
    return null;
  }
}

function fromLatency(alert: wire.control.v1.LatencyAlert): Told {
  const { region, cell, market, p50Ns, usualP50Ns, cause, stands } = alert;
  return {
    stands,
    finding: finding("market_slow", {
      affected: region,
      subject: market,
      title: `${market} is slower than it usually is`,
      detail: `median ${micros(p50Ns)}, usually ${micros(usualP50Ns)}; cause: ${cause}`,
      source: `${region}/${cell}`,
    }),
  };
}

function fromJournal(alert: wire.control.v1.JournalAlert): Told {
  const { region, cell, market, stream, server, fault, next, stands } = alert;
  return {
    stands,
    finding: finding("journal", {
      affected: region,
      subject: `${market}-${server}`,
      title: `the replica of ${stream} on ${server} is ${fault}`,
      detail: `market ${market}; ${next}`,
      source: `${region}/${cell}`,
    }),
  };
}

function fromResidency(region: string, fault: wire.region.v1.ResidencyFault): Told {
  const { stream, server, keptIn, dataClass, allowed, stands } = fault;
  return {
    stands,
    finding: finding("residency", {
      affected: region,
      subject: `${stream}-${server}`,
      title: `${stream} is kept in ${keptIn}, which may not keep it`,
      detail: `${dataClass} on ${server}; allowed: ${allowed.join(", ")}`,
      source: "launcher",
    }),
  };
}
