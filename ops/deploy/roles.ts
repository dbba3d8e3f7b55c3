import { unreachable } from "../../actors/kernel/result.ts";
import {
  cellUserName,
  deploymentSubject,
  guestUserName,
  patterns,
  reporterUserName,
  siteUserName,
} from "../../schemas/subjects.ts";

/** What a user of the cluster may be. */
export type Role =
  | "cell"
  | "guest"
  | "site"
  | "observer"
  | "operator"
  | "approver"
  | "deployer"
  | "reporter";
/** `demo` lets one person try everything on one machine; `production` starts with none of its defaults. */
export const profiles = ["demo", "production"] as const;
export type Profile = (typeof profiles)[number];

/**
 * Subjects a user may publish to and listen on. Only what is listed is allowed; a denied pattern
 * takes away from what is allowed.
 */
export interface Permissions {
  readonly publish: readonly string[];
  readonly publishDenied: readonly string[];
  readonly subscribe: readonly string[];
  /** May answer requests it has received, wherever the asker listens. */
  readonly answers: boolean;
}

/** A user of the cluster: its name is also the name of its inbox. */
export interface User {
  readonly name: string;
  readonly role: Role;
  /** The region a cell belongs to; null for people. */
  readonly region: string | null;
  /** Of a guest: its place among those of its region. */
  readonly slot?: number;
}

/** Reading: what happens in the market, how the system is. */
const observing = {
  publish: [
    patterns.operation("status"),
    patterns.operation("tree"),
    patterns.operation("tree-node"),
    patterns.operation("audit"),
    patterns.operation("market-history"),
    deploymentSubject("residency"),
    patterns.control("list"),
    patterns.control("describe"),
    patterns.control("watch"),
    patterns.control("types"),
    patterns.books,
    patterns.riskQuestions,
    ...patterns.incidentQuestions,
    "$SRV.PING",
    "$SRV.PING.>",
    "$SRV.INFO",
    "$SRV.INFO.>",
    "$SRV.STATS",
    "$SRV.STATS.>",
  ],
  subscribe: [
    patterns.marketData,
    patterns.events,
    patterns.supervision,
    patterns.alerts,
    patterns.pages,
    patterns.audits,
  ],
} as const;

/** Takes journals, leases and other assets away: no role may. */
const destructive = [
  "$JS.API.STREAM.DELETE.*",
  "$JS.API.STREAM.PURGE.*",
  "$JS.API.STREAM.MSG.DELETE.*",
  "$JS.API.STREAM.RESTORE.>",
  "$JS.API.SERVER.REMOVE",
  "$JS.API.ACCOUNT.>",
] as const;

/** A server that reads its configuration again forgets whose requests it has let through to an answerer. */
const inboxesOfPeople = (): readonly string[] => people.map(({ name }) => patterns.inbox(name));

function cell(region: string): Permissions {
  return {
    publish: [
      "$JS.API.>",
      "$JS.ACK.>",
      "$JS.FC.>",
      "$KV.>",
      patterns.commands,
      patterns.journals,
      patterns.events,
      patterns.marketData,
      patterns.actors,
      patterns.supervisionOf(region),
      // A cell hosts the actors of other regions when they have no cell left.
      ...patterns.actorReports,
      patterns.eventLogs,
      patterns.operation("status"),
      patterns.alertsOf(region),
      patterns.auditsOf(region),
      patterns.deadLettersOf(region),
      patterns.guestsOf(region),
      ...inboxesOfPeople(),
    ],
    publishDenied: destructive,
    subscribe: [
      `cmd.${region}.>`,
      patterns.operationsOf(region),
      patterns.controls,
      patterns.actorsOf(region),
      ...patterns.hostedActors,
      patterns.events,
      patterns.marketData,
      patterns.supervision,
      patterns.alertsOf(region),
      patterns.audits,
      patterns.deadLettersOf(region),
      "$SRV.>",
    ],
    answers: true,
  };
}

function allowed(user: User, profile: Profile): Permissions {
  switch (user.role) {
    case "cell":
      if (user.region === null) throw new RangeError(`cell user ${user.name} has no region`);
      return cell(user.region);
    case "guest":
      // A user's strategy: it answers what it is asked, and can do nothing else.
      return {
        publish: [],
        publishDenied: [">"],
        subscribe: [patterns.guestOf(user.region ?? "", user.slot ?? 0)],
        answers: true,
      };
    case "site":
      // The server of an edge site: what it takes in, and the one question it may pass on.
      return {
        publish: [patterns.books],
        publishDenied: [],
        subscribe: [patterns.marketData, patterns.events],
        answers: false,
      };
    case "observer":
      return { ...observing, publishDenied: [], answers: false };
    case "operator":
      return {
        publish: [
          ...observing.publish,
          patterns.commands,
          patterns.operations,
          patterns.controls,
          patterns.riskLimits,
          ...patterns.incidentActions,
        ],
        // Two pairs of eyes; the demo profile has one person in both roles.
        publishDenied:
          profile === "demo" ? [] : [patterns.operation("approve"), patterns.riskApprovals],
        subscribe: observing.subscribe,
        answers: false,
      };
    case "approver":
      return {
        publish: [
          ...observing.publish,
          patterns.operation("approve"),
          // The second pair of eyes may also say no.
          patterns.operation("failover-abort"),
          patterns.riskApprovals,
        ],
        publishDenied: [],
        subscribe: observing.subscribe,
        answers: false,
      };
    case "deployer":
      return {
        publish: [
          patterns.operation("status"),
          patterns.alerts,
          patterns.audits,
          "$JS.API.STREAM.LIST",
          ...inboxesOfPeople(),
        ],
        publishDenied: [],
        subscribe: [patterns.deployment],
        answers: true,
      };
    case "reporter":
      return {
        // The launcher takes servers out of JetStream when their region leaves, and ends links of sites.
        publish: [
          "$SYS.REQ.SERVER.PING.JSZ",
          "$SYS.REQ.SERVER.PING.VARZ",
          ...(user.region === null
            ? ["$JS.API.SERVER.REMOVE", "$SYS.REQ.SERVER.PING.LEAFZ", "$SYS.REQ.SERVER.*.KICK"]
            : []),
        ],
        publishDenied: [],
        subscribe: [],
        answers: false,
      };
    default:
      return unreachable(user.role);
  }
}

/** What a user may do. Throws RangeError when a cell has no region. */
export function permissionsOf(user: User, profile: Profile): Permissions {
  const permissions = allowed(user, profile);
  return { ...permissions, subscribe: [...permissions.subscribe, patterns.inbox(user.name)] };
}

/** People and programs of every cluster; each region adds its cell and the cell's reporter. */
export const people: readonly User[] = [
  { name: "observer", role: "observer", region: null },
  { name: "operator", role: "operator", region: null },
  { name: "approver", role: "approver", region: null },
];

export const cellUser = (region: string): User => ({
  name: cellUserName(region),
  role: "cell",
  region,
});
/** Reads server reports in the system account: the only thing a cell may ask there. */
export const reporterUser = (region: string): User => ({
  name: reporterUserName(region),
  role: "reporter",
  region,
});
/** The server of an edge site of a region, which connects as a leaf node. */
export const siteUser = (region: string, site: string): User => ({
  name: siteUserName(site),
  role: "site",
  region,
});
/** Strategies of users that a cell runs at a time. */
export const guestSlots: readonly number[] = [0, 1, 2, 3];
export const guestUser = (region: string, slot: number): User => ({
  name: guestUserName(region, slot),
  role: "guest",
  region,
  slot,
});
/** The launcher in the system account. */
export const launcherUser: User = { name: "launcher", role: "reporter", region: null };
/** The launcher among those that it serves. */
export const deployerUser: User = { name: "deployer", role: "deployer", region: null };

/** All users of a cluster of these regions. */
export const usersOf = (regions: readonly string[]): readonly User[] => [
  ...people,
  launcherUser,
  deployerUser,
  ...regions.flatMap((region) => [
    cellUser(region),
    reporterUser(region),
    ...guestSlots.map((slot) => guestUser(region, slot)),
  ]),
];
