import { z } from "zod";

import { actorsSchema } from "./actors-configuration.ts";
import { incidentsSchema } from "./incidents-configuration.ts";
import { dataClasses } from "./placement.ts";

/**
 * Files that processes hand to each other, checked on reading. Unknown keys are errors, so that a
 * misspelt setting is never silently ignored.
 */

const token = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,32}$/, "a token of [A-Za-z0-9_-], at most 32 long");
const port = z.int().min(0).max(65_535);
const largest32 = 2 ** 32 - 1;
const positive = z.int().min(1).max(Number.MAX_SAFE_INTEGER);

const exchangeText = (most: number): z.ZodString =>
  z.string().regex(new RegExp(`^[!-~]{1,${most}}$`), `1 to ${most} printable characters`);

/** regions/<home>/markets/<market>.toml; home is the folder, market the file name. */
export const marketFileSchema = z.strictObject({
  group: token,
  shard: z.int().min(0).max(15),
  currency: token,
  /** A price unit is 10^-price_decimals of the currency. */
  price_decimals: z.int().min(0).max(9),
  /** Price units. */
  tick: positive,
  /** Quantity units. */
  lot: positive,
  bands: z.strictObject({ low: positive, high: positive }),
  maximum_quantity: positive,
  order_capacity: z
    .int()
    .min(1)
    .max(2 ** 24 - 2),
  mode: z.enum(["matched", "durable", "replicated"]),
  calendar: z.string(),
  /** Hundredths of a basis point of notional; negative is a rebate. */
  fees: z.strictObject({ maker_bps_e2: z.int(), taker_bps_e2: z.int() }),
});
export type MarketFile = z.infer<typeof marketFileSchema>;

/** regions/<region>/region.toml; regions/README.md says what each setting means. */
export const regionFileSchema = z.strictObject({
  /** The folder's name again, so that a copied folder is noticed. */
  name: token.optional(),
  title: z.string(),
  /** False: part of a cluster only when it is named. */
  enabled: z.boolean().default(true),
  /** Whose law holds. */
  jurisdiction: token.default("none"),
  /** Regulatory profile. */
  profile: token.default("none"),
  /** Replication groups this region takes part in. */
  groups: z.array(token),
  /** Other regions, nearest first. */
  neighbours: z.array(token).default([]),
  /** Further tags of its servers. */
  tags: z.array(z.string().regex(/^[a-z0-9_.:-]{1,64}$/, "a tag of [a-z0-9_.:-]")).default([]),
  servers: z
    .strictObject({
      /** Servers of the region's own cluster, in supercluster form. */
      count: z.union([z.literal(1), z.literal(3), z.literal(5)]).default(3),
    })
    .prefault({}),
  /** Ports that are not the first of their kind plus the region's number. */
  ports: z
    .strictObject({
      nats: port.min(1).optional(),
      route: port.min(1).optional(),
      http: port.min(1).optional(),
      websocket: port.min(1).optional(),
    })
    .default({}),
  /** Regions that may keep what originates here, by class of data; a class without a list: any. */
  residency: z.partialRecord(z.enum(dataClasses), z.array(token).min(1)).default({}),
});
export type RegionFile = z.infer<typeof regionFileSchema>;

const assetPlacementSchema = z.strictObject({
  cluster: z.string(),
  tags: z.array(z.string()),
  replicas: z.int().min(1).max(5),
});

/** What a cell process is started with: `node actors/root/main.ts --configuration FILE`. */
export const cellConfigurationSchema = z.strictObject({
  region: token,
  cell: token,
  /** All regions of the cluster, this one included. */
  regions: z.array(token).min(1),
  profile: z.enum(["demo", "production"]),
  /** Folder of this cell: write-ahead logs, incarnation, lock. */
  dataDirectory: z.string(),
  /** The folder regions/ with the reference data. */
  regionsDirectory: z.string(),
  nats: z.strictObject({
    /** tls://host:port of the region's own server first, then the others. */
    servers: z.array(z.string()).min(1),
    /**
     * Servers that keep leases, directory and journals, the one nearby first: a second connection goes there.
     * Empty: the same servers do.
     */
    journalServers: z.array(z.string()).default([]),
    caFile: z.string(),
    /**
     * nkey seed of the cell's user, and of its user in the system account (server reports only). The certificate
     * of a user lies beside its seed: `<user>.pem` and `<user>-key.pem` beside `<user>.nk`.
     */
    seedFile: z.string(),
    systemSeedFile: z.string(),
    /** One user for each strategy of a user that may run at a time; `subject`: where it is asked. */
    guests: z.array(z.strictObject({ subject: z.string(), seedFile: z.string() })).default([]),
  }),
  /** Where the cell's streams are made; null: anywhere, as many replicas as regions, three at most. */
  placement: z
    .strictObject({
      /** Leases, ownership, directory. */
      control: assetPlacementSchema,
      /** Journals; tags of the group and of the home's residency come on top. */
      journals: assetPlacementSchema,
      /** Events and snapshots of the region's actors. */
      positions: assetPlacementSchema,
      /** Events of the region's markets. */
      events: assetPlacementSchema,
    })
    .nullable()
    .default(null),
  http: z.strictObject({ host: z.string(), port: z.int().min(0).max(65535) }),
  /** What the ops console is served from and what its page is told; null: it is not served. */
  console: z
    .strictObject({
      directory: z.string(),
      /** Where browsers connect to NATS: the region's own server first. */
      websockets: z.array(z.string()).min(1),
      /** Who may sign in. */
      people: z.array(z.strictObject({ name: token, role: token, publicKey: z.string() })),
      /** Key of the user who may only watch, for pages on loopback in the demo profile; null: nobody's. */
      observerSeedFile: z.string().nullable(),
    })
    .nullable()
    .default(null),
  engine: z.enum(["auto", "native", "portable"]),
  /**
   * `own`: the match thread takes a core for itself, by a lock that all cells of the host see; without one
   * that is free the reactor runs on one thread. `shared`: threads run where the kernel puts them.
   */
  processors: z.enum(["shared", "own"]).default("shared"),
  /** OUCH and ITCH of the cell's markets; null: neither. */
  edges: z
    .strictObject({
      accessFile: z.string(),
      host: z.string(),
      /** Where packets of feeds go: a multicast group, or one receiver. */
      packetsHost: z.string(),
      /** Ports by market; one that has none here gets free ones, and the same again when it can. */
      ports: z.record(
        token,
        z.strictObject({ orders: port, feed: port, packets: port, requests: port }),
      ),
      /** Symbols of markets whose names are longer than 8 characters. */
      symbols: z.record(token, exchangeText(8)),
      feed: z.boolean(),
    })
    .nullable()
    .default(null),
  /** Where processes of this machine connect over shared memory, and who may; null: nobody. */
  clients: z.strictObject({ socket: z.string(), grantsFile: z.string() }).nullable().default(null),
  /** Records that each market's log keeps in any case (native/journal/README.md, Trimming). */
  recordsKept: positive.optional(),
  flow: z.strictObject({
    enabled: z.boolean(),
    seed: z.int().min(0),
    /** Mean arrivals per second and market. */
    rate: z.number().positive(),
  }),
  /** Where traces of orders go, by OpenTelemetry's protocol over HTTP; null: no order is traced. */
  tracing: z
    .strictObject({
      /** For example http://127.0.0.1:4318/v1/traces. */
      url: z.url({ protocol: /^https?$/ }),
      /** Part of the requests without a trace of their own that get one. */
      ratio: z.number().min(0).max(1).default(0),
      /** Part of the orders over OUCH and shared memory, which cannot ask for one; absent: as `ratio`. */
      direct: z.number().min(0).max(1).optional(),
      /** Traces begun a second at most, those that clients ask for included. */
      mostPerSecond: z.int().min(1).max(10_000).default(100),
    })
    .nullable()
    .default(null),
  /** Whether markets of a silent region are taken by themselves, or when an operator says so. */
  takeover: z.enum(["automatic", "manual"]).default("automatic"),
  /** False: the cell hosts actors only; the markets of the region are another cell's. */
  markets: z.boolean().default(true),
  /** How the cell reads the journals of its markets from each server, to find what JetStream does not. */
  scrub: z
    .strictObject({
      bytesPerSecond: positive.default(2 * 1024 * 1024),
      /** Seconds between the end of a pass over all markets and the next. */
      pause: z.number().min(0).default(60),
    })
    .prefault({}),
  actors: actorsSchema.prefault({}),
  incidents: incidentsSchema.prefault({}),
});
export type CellConfiguration = z.infer<typeof cellConfigurationSchema>;
/** As it is written: what has a default may be left out. */
export type CellConfigurationFile = z.input<typeof cellConfigurationSchema>;

/** The file of a cell's `clients.grantsFile`; it holds tokens, so only its owner may read it. */
export const clientGrantsSchema = z.strictObject({
  grants: z
    .array(
      z.strictObject({
        /** 32 bytes, not to be guessed. */
        token: z.string().regex(/^[0-9a-f]{64}$/, "64 hexadecimal digits, lower case"),
        /** User id of the client's process. */
        user: z.int().min(0).max(largest32),
        account: z.int().min(1).max(largest32),
        /** `stream`: every event of the market; `speak_for_others`: orders of any account. */
        permissions: z.array(z.enum(["stream", "speak_for_others"])),
      }),
    )
    .max(1_024),
});
export type ClientGrants = z.infer<typeof clientGrantsSchema>;

/** The file of a cell's `edges.accessFile`; it holds passwords, so only its owner may read it. */
export const edgeAccessSchema = z.strictObject({
  /** Who may enter orders by OUCH. */
  members: z
    .array(
      z.strictObject({
        username: exchangeText(6),
        password: exchangeText(10),
        /** Not to be guessed: by it markets recognize what the member sends again. Never changed. */
        session: positive,
        account: z.int().min(1).max(largest32),
        firm: exchangeText(4),
        /** Orders that cancel on disconnect cancels; 0: all of the account. */
        group: z.int().min(0).max(255),
        cancelOnDisconnect: z.boolean(),
      }),
    )
    .max(1_024),
  /** Who may read the feeds over SoupBinTCP. */
  subscribers: z
    .array(z.strictObject({ username: exchangeText(6), password: exchangeText(10) }))
    .max(1_024),
});
export type EdgeAccess = z.infer<typeof edgeAccessSchema>;

/** <data of a cell>/edges.json: where its markets listen, written when they do. */
export const edgesFileSchema = z.strictObject({
  markets: z.record(
    token,
    z.strictObject({
      symbol: exchangeText(8),
      host: z.string(),
      /** TCP: OUCH over SoupBinTCP, and ITCH over SoupBinTCP. 0: not open. */
      orders: port,
      feed: port,
      /** UDP: where packets of MoldUDP64 go, and where requests for them are heard. */
      packets: z.strictObject({ host: z.string(), port }),
      requests: port,
    }),
  ),
});
export type EdgesFile = z.infer<typeof edgesFileSchema>;

/** <data>/cluster.json: written by the launcher, read by the command line. */
export const clusterFileSchema = z.strictObject({
  version: z.literal(1),
  profile: z.enum(["demo", "production"]),
  launcherPid: z.int(),
  startedAt: z.string(),
  caFile: z.string(),
  topology: z.enum(["compact", "supercluster"]).default("compact"),
  regions: z.array(
    z.strictObject({
      name: token,
      /** The region's first server. */
      nats: z.string(),
      /** All of the region's servers: of its own cluster first, then the one that `glb` has there. */
      servers: z
        .array(
          z.strictObject({
            name: z.string(),
            cluster: z.string(),
            nats: z.string(),
            pid: z.int(),
          }),
        )
        .default([]),
      http: z.string(),
      /** Regions that may keep what originates here, by class of data; a class without a list: any. */
      residency: z.partialRecord(z.enum(dataClasses), z.array(token)).default({}),
      /** Where browsers connect to NATS. */
      websocket: z.string(),
      natsPid: z.int(),
      cellPid: z.int(),
      /** Where processes of this machine connect over shared memory; absent when they cannot. */
      clients: z.strictObject({ socket: z.string(), grantsFile: z.string() }).optional(),
      /** OUCH and ITCH: where they listen, and who may use them. */
      edges: z.strictObject({ edgesFile: z.string(), accessFile: z.string() }).optional(),
    }),
  ),
  /** By name: role, and the files with the nkey seed and with certificate and key (mode 0600). */
  users: z.record(
    token,
    z.strictObject({
      role: token,
      seedFile: z.string(),
      certificateFile: z.string(),
      keyFile: z.string(),
    }),
  ),
});
export type ClusterFile = z.infer<typeof clusterFileSchema>;
