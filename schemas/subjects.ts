/**
 * Every NATS subject and stream name, built by functions. Tokens are [A-Za-z0-9_-]; a token that is
 * not throws, because callers check outside input with isToken first.
 */

const tokenPattern = /^[A-Za-z0-9_-]{1,64}$/;

/** True for a text that may stand between two dots of a subject. */
export const isToken = (text: string): boolean => tokenPattern.test(text);

function token(text: string): string {
  if (!isToken(text)) throw new RangeError(`not a subject token: ${JSON.stringify(text)}`);
  return text;
}

export type CommandVerb = "submit" | "book" | "orders";
export type OperationsVerb =
  | "status"
  | "tree"
  | "tree-node"
  | "audit"
  | "market-history"
  | "market-create"
  | "market-halt"
  | "market-resume"
  | "market-mode"
  | "market-phase"
  | "failover"
  | "failover-abort"
  | "approve"
  | "undrain"
  | "drill-record"
  | "flow"
  | "log-level";
/** Services that spawn and steer actors. */
export const controlVerbs = [
  "spawn",
  "check",
  "types",
  "stop",
  "restart",
  "list",
  "describe",
  "send",
  "watch",
] as const;
export type ControlVerb = (typeof controlVerbs)[number];
export type AlertKind = "latency" | "residency" | "journal";
/** What the launcher of a cluster is asked to do. */
export type DeploymentVerb =
  | "region-add"
  | "region-remove"
  | "edge-add"
  | "edge-remove"
  | "certificates-rotate"
  | "authority-rotate"
  | "encryption-rotate"
  | "residency";
export type MarketDataKind = "l1" | "l2" | "trades";

export const commandSubject = (region: string, market: string, verb: CommandVerb): string =>
  `cmd.${token(region)}.${token(market)}.${verb}`;
/** All commands to a region: what its router serves. */
export const commandsOfRegion = (region: string): string => `cmd.${token(region)}.*.*`;
export const journalSubject = (market: string): string => `jrn.${token(market)}`;
export const eventSubject = (market: string, kind: "block"): string =>
  `evt.${token(market)}.${kind}`;
export const marketDataSubject = (market: string, kind: MarketDataKind): string =>
  `md.${token(market)}.${kind}`;
export const actorSubject = (region: string, type: string, id: string, verb: string): string =>
  `act.${token(region)}.${token(type)}.${token(id)}.${token(verb)}`;
export const supervisionSubject = (region: string, path: string): string =>
  `sup.${token(region)}.${path.split("/").filter(Boolean).map(token).join(".")}`;
export const operationsSubject = (region: string, verb: OperationsVerb): string =>
  `ops.${token(region)}.${verb}`;
export const deploymentSubject = (verb: DeploymentVerb): string => `ops.launcher.${verb}`;
export const controlSubject = (region: string, verb: ControlVerb): string =>
  `ctl.${token(region)}.${verb}`;
/** From cell to cell of a region: requests about the actors that the cell hosts. */
export const hostSubject = (region: string, cell: string, verb: ControlVerb): string =>
  `act.${token(region)}.cell.${token(cell)}.${verb}`;
/** Asks a cell of any region whether it lives. */
export const cellContactSubject = (region: string, cell: string): string =>
  `act.${token(region)}.cell.${token(cell)}.contact`;
/** What a cell tells other cells of its region about its own tree. */
export const cellTreeSubject = (region: string, cell: string, verb: "tree" | "tree-node"): string =>
  `act.${token(region)}.cell.${token(cell)}.${verb}`;
/** Where a live view of a region's trees is published while it is leased. */
export const treeViewSubject = (region: string, view: string): string =>
  supervisionSubject(region, `views/${view}`);
export const auditKinds = ["operation", "control", "risk", "failover", "incident"] as const;
export type AuditKind = (typeof auditKinds)[number];
export const auditSubject = (region: string, kind: AuditKind): string =>
  `audit.${token(region)}.${kind}`;
/** Kept by the replication group of the region. */
export const auditStream = (group: string): string => `AUDIT_${token(group)}`;
/** From cell to cell of a region: a request to a risk limit that the cell hosts. */
export const hostLimitSubject = (
  region: string,
  cell: string,
  name: string,
  verb: string,
): string => `act.${token(region)}.cell.${token(cell)}.risk-limit.${token(name)}.${token(verb)}`;
/** Where an actor's reports are published; `group` is its supervisor: strategies, executions. */
export const reportSubject = (region: string, group: string, id: string): string =>
  supervisionSubject(region, `${group}/${id}`);
/** The event log of an actor, `<type>.<id>`, in its region's stream of event logs. */
export const eventLogSubject = (region: string, log: string): string =>
  `alog.${token(region)}.${log.split(".").map(token).join(".")}`;
export const eventLogStream = (region: string): string => `ALOG_${token(region)}`;
/** Bucket of the snapshots of a region's actors; a key is the log's name. */
export const actorSnapshotBucket = (region: string): string => `ASNAP_${token(region)}`;
/** Something is wrong with a market or a stream, or not any more: core NATS, told to whoever listens. */
export const alertSubject = (region: string, kind: AlertKind, subject: string): string =>
  `alert.${token(region)}.${token(kind)}.${token(subject)}`;
/** Requests to an incident; `list` is asked at the id `all`. */
export const incidentSubject = (region: string, id: string, verb: string): string =>
  actorSubject(region, "incident", id, verb);
/** From cell to cell of a region: a request to an incident that the cell hosts. */
export const hostIncidentSubject = (
  region: string,
  cell: string,
  id: string,
  verb: string,
): string => `act.${token(region)}.cell.${token(cell)}.incident.${token(id)}.${token(verb)}`;
/** Where an incident is told after each of its steps. */
export const incidentReportSubject = (region: string, id: string): string =>
  reportSubject(region, "incidents", id);
export const pageLevels = ["L1", "L2", "L3"] as const;
export type PageLevel = (typeof pageLevels)[number];
export const pageSubject = (region: string, level: PageLevel): string =>
  `page.${token(region)}.${level}`;
/** Ids of a region's incidents: a key each, made with the first event. */
export const incidentDirectoryPrefix = (region: string): string => `incident.${token(region)}.`;
export const incidentDirectoryKey = (region: string, id: string): string =>
  `incident.${token(region)}.${token(id)}`;
/** What people do to incidents; to raise and clear is for cells. */
export const incidentActions = [
  "acknowledge",
  "escalate",
  "resolve",
  "review",
  "step",
  "mitigate",
] as const;
/** Where a cell asks one strategy of a user; the slot has a NATS user of its own. */
export const guestSubject = (region: string, slot: number): string =>
  `guest.${token(region)}.${slot}.decide`;
export const guestUserName = (region: string, slot: number): string =>
  `guest-${token(region)}-${slot}`;
/** Steps of a failover as they happen (schemas/region/v1/failover.proto). */
export const failoverSubject = (region: string, id: string): string =>
  supervisionSubject(region, `failover/${id}`);
export const failoversOf = (region: string): string => `sup.${token(region)}.failover.*`;
/** Whether a region has been drained, in bucket DIR. */
export const drainDirectoryKey = (region: string): string => `drain.${token(region)}`;
/** Last failover of a region's markets, in bucket DIR. */
export const failoverDirectoryKey = (region: string): string => `failover.${token(region)}`;
/** The region whose cells run a region's actors, in bucket DIR; absent: its own. */
export const actorSeatPrefix = "seat.";
export const actorSeatKey = (region: string): string => `${actorSeatPrefix}${token(region)}`;
/** Told the cells of a region when a seat has changed: they read them at once. */
export const actorSeatsSubject = (region: string): string =>
  actorSubject(region, "actors", "seats", "look");
/** From cell to cell: shards of a region's actors that were just given up for this one. */
export const offeredShardsSubject = (region: string, cell: string): string =>
  `act.${token(region)}.cell.${token(cell)}.shards`;
/** The last drill, in bucket DIR. */
export const lastDrillKey = "drill.last";
export const deadLetterSubject = (region: string, kind: string): string =>
  `dead.${token(region)}.${token(kind)}`;

/** First token of the replies to a user: `_INBOX_<user>`; nobody else may listen there. */
export const inboxPrefix = (user: string): string => `_INBOX_${token(user)}`;

/** The user to whose inbox a reply goes; empty when it goes elsewhere. */
export const userOfInbox = (reply: string): string =>
  /^_INBOX_([A-Za-z0-9_-]{1,64})\./.exec(reply)?.[1] ?? "";

/** User of a region's cell, and the cell's user in the system account (server reports only). */
export const cellUserName = (region: string): string => `cell-${token(region)}`;
export const reporterUserName = (region: string): string => `reporter-${token(region)}`;

/** User of an edge site's server in its region; the site's cache has the same inbox. */
export const siteUserName = (site: string): string => `site-${token(site)}`;
/** What an edge site's cache is asked; `read`: a market's copy. */
export const siteReadSubject = (site: string, market: string): string =>
  `edge.${token(site)}.read.${token(market)}`;
export const siteStatusSubject = (site: string): string => `edge.${token(site)}.status`;

/** Patterns over whole families of subjects: what permissions and wide subscriptions are made of. */
export const patterns = {
  commands: "cmd.>",
  books: "cmd.*.*.book",
  journals: "jrn.>",
  events: "evt.>",
  marketData: "md.>",
  actors: "act.>",
  actorsOf: (region: string): string => `act.${token(region)}.>`,
  riskLimits: "act.*.risk-limit.*.*",
  riskLimitsOf: (region: string): string => `act.${token(region)}.risk-limit.>`,
  hostLimitsOf: (region: string, cell: string): string =>
    `act.${token(region)}.cell.${token(cell)}.risk-limit.*.*`,
  marketLimitsOf: (region: string): string => `act.${token(region)}.market.>`,
  riskQuestions: "act.*.risk-limit.*.describe",
  riskApprovals: "act.*.risk-limit.*.approve",
  supervision: "sup.>",
  /** What a cell is asked of the actors that it hosts, of whichever region. */
  hostedActors: ["act.*.risk-limit.>", "act.*.incident.>", "act.*.cell.>"],
  /** What spawned actors and risk limits of all regions say of themselves. */
  actorReports: [
    "sup.*.strategies.>",
    "sup.*.executions.>",
    "sup.*.risk.>",
    "sup.*.incidents.>",
    "page.>",
  ],
  supervisionOf: (region: string): string => `sup.${token(region)}.>`,
  operations: "ops.>",
  operationsOf: (region: string): string => `ops.${token(region)}.>`,
  deployment: "ops.launcher.>",
  /** One service in all regions. */
  operation: (verb: OperationsVerb): string => `ops.*.${verb}`,
  eventLogs: "alog.>",
  eventLogsOf: (region: string): string => `alog.${token(region)}.>`,
  controls: "ctl.>",
  controlsOf: (region: string): string => `ctl.${token(region)}.>`,
  /** One control service in all regions. */
  control: (verb: ControlVerb): string => `ctl.*.${verb}`,
  alerts: "alert.>",
  alertsOf: (region: string): string => `alert.${token(region)}.>`,
  pages: "page.>",
  incidentsOf: (region: string): string => `act.${token(region)}.incident.*.*`,
  hostIncidentsOf: (region: string, cell: string): string =>
    `act.${token(region)}.cell.${token(cell)}.incident.*.*`,
  incidentQuestions: ["act.*.incident.all.list", "act.*.incident.*.describe"],
  incidentActions: incidentActions.map((verb) => `act.*.incident.*.${verb}`),
  guestsOf: (region: string): string => `guest.${token(region)}.>`,
  guestOf: (region: string, slot: number): string => `guest.${token(region)}.${slot}.>`,
  audits: "audit.>",
  auditsOf: (region: string): string => `audit.${token(region)}.>`,
  deadLettersOf: (region: string): string => `dead.${token(region)}.>`,
  siteOf: (site: string): string => `edge.${token(site)}.>`,
  siteReadsOf: (site: string): string => `edge.${token(site)}.read.*`,
  inbox: (user: string): string => `${inboxPrefix(user)}.>`,
} as const;

/** Shards of a replication group: markets of one shard share a home and an owner. */
export const shardsPerGroup = 16;
export const shardName = (group: string, shard: number): string => {
  if (!Number.isInteger(shard) || shard < 0 || shard >= shardsPerGroup) {
    throw new RangeError(`shard must be 0 … ${shardsPerGroup - 1}, not ${shard}`);
  }
  return `${token(group)}-${String(shard).padStart(2, "0")}`;
};

export const journalStream = (group: string, shard: number): string =>
  `JRN_${shardName(group, shard).replace("-", "_")}`;
export const eventStream = (region: string): string => `EVT_${token(region)}`;
/** Bucket of cell leases and shard ownership; its stream is KV_LEASE. */
export const leaseBucket = "LEASE";
/** Bucket of market definitions made at run time and of what regions know of each other. */
export const directoryBucket = "DIR";
export const cellLeaseKey = (region: string, cell: string): string =>
  `cell.${token(region)}.${token(cell)}`;
export const ownershipKey = (shard: string): string => `own.${token(shard)}`;
export const shardDirectoryKey = (shard: string): string => `shard.${token(shard)}`;
/** Shards of a region's actors: all actors of one shard have one owner cell. */
export const actorShards = 16;
export const actorShardName = (region: string, shard: number): string => {
  if (!Number.isInteger(shard) || shard < 0 || shard >= actorShards) {
    throw new RangeError(`an actor shard is 0 … ${actorShards - 1}, not ${shard}`);
  }
  return `act-${token(region)}-${String(shard).padStart(2, "0")}`;
};
/** Leases of the cells of all regions. */
export const cellLeases = "cell.";
export const cellLeasePrefix = (region: string): string => `cell.${token(region)}.`;
export const actorDirectoryPrefix = (region: string): string => `actor.${token(region)}.`;
export const actorDirectoryKey = (region: string, id: string): string =>
  `actor.${token(region)}.${token(id)}`;
export const marketDirectoryPrefix = "market.";
export const marketDirectoryKey = (market: string): string => `market.${token(market)}`;
/** Names of a region's risk limits: a key each, made with the first event. */
export const limitDirectoryPrefix = (region: string): string => `limit.${token(region)}.`;
export const limitDirectoryKey = (region: string, name: string): string =>
  `limit.${token(region)}.${token(name)}`;
/** Which risk limit writes an account's limits, in the whole cluster. */
export const accountDirectoryKey = (account: number): string => `account.${account}`;
