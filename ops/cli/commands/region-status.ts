import type { Command } from "commander";

import { ok } from "../../../actors/kernel/result.ts";
import { exitCodes, perform } from "../action.ts";
import { type Cluster, withCluster } from "../cluster.ts";
import { clusterFacts, type ClusterFactsView } from "../cluster-facts.ts";
import { failoverView } from "../failovers.ts";
import { askStatus } from "../markets.ts";
import { type OutputFormat, outputOption, printed } from "../output.ts";
import { drillLine, leadersTable } from "./status.ts";
import { type ClusterOptions, print, table, withClusterOptions } from "../terminal.ts";

/** `meridian region status`: who owns what, who follows it and how far behind, until when leases hold. */
export function extend(region: Command): void {
  withClusterOptions(region.command("status"))
    .description("show leases, owners, epochs, standbys with their lag, and the last failover")
    .addOption(outputOption())
    .action((options: ClusterOptions & { readonly output: OutputFormat }) =>
      perform(() =>
        withCluster(options, async (cluster) => {
          const asked = await Promise.all(cluster.regions.map((name) => view(cluster, name)));
          const facts = clusterFacts(
            asked.flatMap(({ status }) => (status === null ? [] : status)),
          );
          const { streams, leases, actors, lastDrill } = facts;
          const regions = asked.map(({ shown }) => shown);
          const value = { regions, streams, leases, actors, lastDrill };
          if (!printed(options, { value, rows: regions })) printRegions(regions, facts);
          const silent = regions.every(({ cell }) => cell === null);
          return ok(silent ? exitCodes.failed : exitCodes.ok);
        }),
      ),
    );
}

type RegionView = Awaited<ReturnType<typeof view>>["shown"];

async function view(cluster: Cluster, name: string) {
  const answer = await askStatus(cluster, name);
  if (!answer.ok) {
    const shown = {
      name,
      cell: null,
      ready: false,
      reason: answer.failure.reason,
      incarnation: 0,
      leaseValidMs: 0,
      owned: [],
      standbys: [],
      lastFailover: null,
      drain: "",
    };
    return { status: null, shown };
  }
  const { cell, ready, notReadyReason, incarnation, leaseValidMs, markets, standbys } =
    answer.value;
  const { lastFailover } = answer.value;
  const shown = {
    name,
    cell: cell ?? "",
    ready: ready ?? false,
    reason: notReadyReason ?? "",
    incarnation: incarnation ?? 0,
    leaseValidMs: leaseValidMs ?? 0,
    owned: (markets ?? []).map((one) => ({
      market: one.market ?? "",
      home: one.home ?? "",
      state: one.state ?? "",
      mode: one.mode ?? "",
      epoch: one.epoch ?? 0,
      matched: one.matched ?? 0,
      durable: one.durable ?? 0,
      committed: one.committed ?? 0,
    })),
    standbys: (standbys ?? []).map((one) => ({
      market: one.market ?? "",
      state: one.state ?? "",
      owner: one.owner ?? "",
      epoch: one.epoch ?? 0,
      sequence: one.sequence ?? 0,
      lagRecords: one.lagRecords ?? 0,
      lagMs: one.lagMs ?? 0,
      detail: one.detail ?? "",
    })),
    drain: answer.value.drain ?? "",
    lastFailover: lastFailover ? failoverView(lastFailover) : null,
  };
  return { status: answer.value, shown };
}

function printRegions(regions: readonly RegionView[], facts: ClusterFactsView): void {
  print(
    table(
      ["REGION", "READY", "CELL", "INCARNATION", "LEASE HOLDS", "LAST FAILOVER", "REASON"],
      regions.map((one) => [
        one.name,
        one.drain === "" ? (one.ready ? "yes" : "no") : one.drain,
        one.cell ?? "-",
        String(one.incarnation),
        one.cell === null ? "-" : `${one.leaseValidMs} ms`,
        one.lastFailover === null
          ? "-"
          : `${one.lastFailover.startedAt} ${one.lastFailover.from} to ${one.lastFailover.to}: ${one.lastFailover.state}`,
        one.reason,
      ]),
    ),
  );
  print("");
  print(
    table(
      ["MARKET", "REGION", "ROLE", "STATE", "EPOCH", "SEQUENCE", "BEHIND", "NOTE"],
      regions.flatMap((region) => [
        ...region.owned.map((one) => [
          one.market,
          region.name,
          "owner",
          one.state,
          String(one.epoch),
          String(one.committed),
          `${one.matched - one.committed}`,
          one.home === region.name ? "" : `home ${one.home}`,
        ]),
        ...region.standbys.map((one) => [
          one.market,
          region.name,
          "standby",
          one.state,
          String(one.epoch),
          String(one.sequence),
          `${one.lagRecords} (${one.lagMs} ms)`,
          one.state === "standby" ? "" : one.detail,
        ]),
      ]),
    ),
  );
  print("");
  print(leadersTable(facts));
  print("");
  print(`last drill: ${drillLine(facts.lastDrill)}`);
}
