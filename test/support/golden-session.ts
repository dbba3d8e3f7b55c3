import { cpSync, globSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** What the session knows when a line is run. */
export interface SessionContext {
  /** Data folder of the cluster, with a market ACME whose home is the region `home`. */
  readonly data: string;
  readonly region: string;
  readonly market: string;
  /** Of the region's cell. */
  readonly http: string;
  /** What the lines before have printed, by their command: for ids that are given. */
  readonly printed: ReadonlyMap<string, string>;
}

/** One line of the session: what is typed after `meridian`. */
export interface SessionLine {
  /** The command whose golden file it goes to. */
  readonly command: string;
  readonly words: readonly string[] | ((context: SessionContext) => readonly string[]);
  /** Exit code; absent: 0. */
  readonly code?: 0 | 1 | 2 | 3;
  /** Tried again until it ends so: what it shows comes about by itself. */
  readonly until?: RegExp;
  readonly before?: (context: SessionContext) => void | Promise<void>;
}

const operator = ["--as", "operator"];
const line = (command: string, ...words: readonly string[]): SessionLine => ({ command, words });

/** The same question in every form. */
const forms = (command: string, ...words: readonly string[]): readonly SessionLine[] => [
  line(command, ...words),
  ...["json", "jsonl", "csv"].map((form) => line(command, ...words, "-o", form)),
];

/** The last number of what a command has printed with -q. */
const lastId = (context: SessionContext, command: string): string =>
  (context.printed.get(command) ?? "").trim().split("\n").at(-1) ?? "";

const logCopy = ({ data, region, market }: SessionContext): void => {
  const folder = join(data, "cells", region, "markets", market);
  const [segment = ""] = globSync("**/segment-*.log", { cwd: folder });
  const filter = (path: string): boolean => basename(path) !== "lock";
  cpSync(dirname(join(folder, segment)), join(data, "log-copy"), { recursive: true, filter });
};

const recorded = "34200,1,11,100,10000,1\n34200.5,1,12,100,10100,-1\n34201,4,12,40,10100,-1\n";

/** What a monitoring of its own has to tell: the one incident of which everything is known. */
const raiseIncident = async ({ http }: SessionContext): Promise<void> => {
  const alert = {
    status: "firing",
    labels: { alertname: "Golden", severity: "ticket", runbook: "RB-16" },
    annotations: { summary: "the golden session looks for somebody" },
  };
  const reply = await fetch(`${http}/alerts`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ version: "4", alerts: [alert] }),
  });
  if (!reply.ok) throw new Error(`${reply.status}: ${await reply.text()}`);
};
const golden = "prometheus-home-Golden";

/**
 * Of whichever form: three leases are held, the two standbys follow, and three regions run their actors; rows
 * alone show none of it.
 */
const statusSettled =
  /^ACME +east +home\/home-1 .*standby +0[^]*^ACME +west +home\/home-1 .*standby +0[^]*^east\/.* held[^]*^home\/.* held[^]*^west\/.* held[^]*^west +west +west +16|"holder":"east\/[^]*"holder":"home\/[^]*"holder":"west\/[^]*"market":"ACME","region":"east","state":"standby","owner":"home\/home-1"[^]*"runsIn":"west"|^\{"market"|^market,/m;

/** One cluster, every command: what each prints is its golden file, in the order of these lines. */
export const session: readonly SessionLine[] = [
  line("login", "login", "observer"),
  { ...line("login", "login", "nobody"), code: 2 },
  line("console", "console", "--print"),
  { ...line("console", "console", "--region", "nowhere"), code: 2 },
  line("config print", "config", "print"),
  line("config print", "config", "print", "-o", "csv"),
  ...forms("status", "status").map((one) => ({
    ...one,
    // Standbys have caught up, leases and shards of actors are seen.
    until: statusSettled,
  })),
  line("status", "status", "-q"),
  {
    ...line("region status", "region", "status"),
    // Standbys have caught up.
    until: /ACME +east +standby +standby +1 +1 +0[^]*ACME +west +standby +standby +1 +1 +0/,
  },
  line(
    "region drill",
    "region",
    "drill",
    "home",
    "process-kill",
    "--outcome",
    "passed",
    "--id",
    "d1",
    "--recovery-ms",
    "2700",
    ...operator,
  ),
  {
    ...line("region drill", "region", "drill", "home", "process-kill", "--outcome", "passed"),
    code: 3,
  },
  line("market list", "market", "list"),
  line("market list", "market", "list", "-o", "csv"),
  line("market list", "market", "list", "-q"),
  {
    command: "order place",
    words: ["order", "place", "ACME", "buy", "10", "100", "-q", ...operator],
  },
  line("order place", "order", "place", "ACME", "sell", "4", "100", "--account", "2", ...operator),
  line("order place", "order", "place", "ACME", "sell", "5", "101.50", "-o", "csv", ...operator),
  { ...line("order place", "order", "place", "ACME", "buy", "1", "99.999", ...operator), code: 2 },
  { ...line("order place", "order", "place", "ACME", "buy", "1", "99"), code: 3 },
  ...forms("order book", "order", "book", "ACME"),
  line("order list", "order", "list", "ACME", ...operator),
  line("order list", "order", "list", "ACME", "-o", "jsonl", ...operator),
  line("order list", "order", "list", "ACME", "-q", ...operator),
  {
    command: "order reduce",
    words: (context) => [
      "order",
      "reduce",
      "ACME",
      (context.printed.get("order list") ?? "").trim().split("\n").at(-2) ?? "",
      "1",
      ...operator,
    ],
  },
  {
    command: "order replace",
    words: (context) => [
      "order",
      "replace",
      "ACME",
      lastId(context, "order list"),
      "7",
      "102",
      "-q",
      ...operator,
    ],
  },
  {
    command: "order cancel",
    words: (context) => ["order", "cancel", "ACME", lastId(context, "order replace"), ...operator],
  },
  {
    command: "order cancel",
    words: (context) => ["order", "cancel", "ACME", lastId(context, "order replace"), ...operator],
    code: 3,
  },
  {
    command: "journal verify",
    words: ({ data }) => ["journal", "verify", join(data, "log-copy")],
    before: logCopy,
  },
  {
    command: "journal dump",
    words: ({ data }) => ["journal", "dump", join(data, "log-copy"), "--to", "2"],
  },
  {
    command: "journal dump",
    words: ({ data }) => ["journal", "dump", join(data, "log-copy"), "--to", "2", "-o", "csv"],
  },
  {
    command: "journal restore",
    words: ({ data }) => [
      "journal",
      "restore",
      join(data, "log-copy"),
      "--to",
      "2",
      "--into",
      join(data, "log-then"),
    ],
  },
  line("market create", "market", "create", "NEW", "--like", "ACME", ...operator),
  line("market create", "market", "create", "NEW-2", "--like", "ACME", "-o", "csv", ...operator),
  {
    ...line("market create", "market", "create", "no.name", "--like", "ACME", ...operator),
    code: 2,
  },
  line("market mode", "market", "mode", "NEW", "matched", ...operator),
  line("market phase", "market", "phase", "NEW", "closing_auction", ...operator),
  line("market phase", "market", "phase", "NEW", "open", "-o", "csv", ...operator),
  line("market halt", "market", "halt", "NEW", "--reason", "golden", ...operator),
  { ...line("market halt", "market", "halt", "NEW"), code: 3 },
  line("market resume", "market", "resume", "NEW", ...operator),
  { ...line("account show", "account", "show", "acme"), code: 3 },
  line("account define", "account", "define", "acme", "--number", "77", ...operator),
  line(
    "account limit",
    "account",
    "limit",
    "acme",
    "--id",
    "p1",
    "--set",
    "order-quantity=50",
    ...operator,
  ),
  line("account limit", "account", "limit", "acme", "--set", "position=5", "--dry-run"),
  line("account approve", "account", "approve", "acme", "p1", "--as", "approver"),
  line("account show", "account", "show", "acme"),
  line("account show", "account", "show", "acme", "-o", "csv"),
  line("account stop", "account", "stop", "acme", "--reason", "golden", ...operator),
  line("account resume", "account", "resume", "acme", "--id", "p2", ...operator),
  line(
    "strategy spawn",
    "strategy",
    "spawn",
    "avellaneda-stoikov",
    "--key",
    "maker",
    "--market",
    "NEW",
    "-q",
    ...operator,
  ),
  line("strategy pause", "strategy", "pause", "maker", "--command-id", "c1", "-q", ...operator),
  { ...line("strategy list", "strategy", "list"), until: /maker +\S+ +paused/ },
  line("strategy list", "strategy", "list", "-q"),
  line("strategy describe", "strategy", "describe", "maker"),
  { ...line("strategy describe", "strategy", "describe", "nobody"), code: 3 },
  line("strategy resume", "strategy", "resume", "maker", "--command-id", "c2", "-q", ...operator),
  line("strategy watch", "strategy", "watch", "maker", "--count", "1", "-o", "csv"),
  line("strategy flatten", "strategy", "flatten", "maker", "--command-id", "c3", "-q", ...operator),
  line("strategy stop", "strategy", "stop", "maker", "-q", ...operator),
  line("strategy restart", "strategy", "restart", "maker", "-q", ...operator),
  line("strategy stop", "strategy", "stop", "maker", "-q", ...operator),
  ...forms("tree", "tree", "home", "--filter", "type:market ACME"),
  line("tree", "tree", "home", "--branch", "/home/markets", "--sort=path", "-q"),
  line("tree", "tree", "home", "--node", "/home/markets/ACME"),
  { ...line("tree", "tree", "home", "--filter", "restarts>x"), code: 2 },
  { ...line("tree", "tree", "nowhere"), code: 2 },
  ...forms("audit", "audit", "--region", "home", "--target", "NEW", "--kind", "operation"),
  line("audit", "audit", "--region", "home", "--user", "approver"),
  line("runbook list", "runbook", "list"),
  line("runbook list", "runbook", "list", "-q"),
  line("runbook show", "runbook", "show", "RB-16"),
  line("runbook show", "runbook", "show", "RB-16", "-o", "csv"),
  { ...line("runbook show", "runbook", "show", "RB-99"), code: 2 },
  { ...line("incident list", "incident", "list"), before: raiseIncident, until: /Golden/ },
  line("incident list", "incident", "list", "--region", "home", "-o", "csv"),
  line("incident list", "incident", "list", "-q"),
  { ...line("incident list", "incident", "list", "--region", "nowhere"), code: 2 },
  line("incident escalate", "incident", "escalate", golden, "--note", "who can help", ...operator),
  {
    ...line("incident escalate", "incident", "escalate", golden, "-q"),
    code: 3,
  },
  line("incident acknowledge", "incident", "acknowledge", golden, "-q", ...operator),
  {
    ...line("incident acknowledge", "incident", "acknowledge", golden, ...operator),
    code: 3,
  },
  line("runbook run", "runbook", "run", "RB-16", "--drill", "--incident", golden, ...operator),
  { ...line("runbook run", "runbook", "run", "RB-99", "--drill"), code: 2 },
  // The page is told of when it is known what became of it.
  { ...line("incident show", "incident", "show", golden), until: /page_sent/ },
  { ...line("incident show", "incident", "show", "nothing"), code: 3 },
  line("incident resolve", "incident", "resolve", golden, "--note", "found", ...operator),
  line("incident review", "incident", "review", golden, "--note", "learnt", "-q", ...operator),
  { ...line("incident review", "incident", "review", golden, ...operator), code: 3 },
  line("log level", "log", "level", "--region", "home", ...operator),
  line("log level", "log", "level", "warn", "--region", "home", "-o", "csv", ...operator),
  line("top", "top", "--once"),
  {
    command: "replay",
    words: ({ data }) => [
      "replay",
      join(data, "TINY_message_1.csv"),
      "--market",
      "TINY",
      ...operator,
    ],
    before: ({ data }) => writeFileSync(join(data, "TINY_message_1.csv"), recorded),
  },
  { ...line("journal verify", "journal", "verify", "nowhere"), code: 1 },
  line("journal divergences", "journal", "divergences"),
  line("journal divergences", "journal", "divergences", "-o", "json"),
  { ...line("journal divergences", "journal", "divergences", "nowhere"), code: 1 },
  line("certificates show", "certificates", "show"),
  line("certificates show", "certificates", "show", "-o", "csv"),
  { ...line("certificates rotate", "certificates", "rotate"), code: 3 },
  { ...line("keys rotate-encryption", "keys", "rotate-encryption"), code: 3 },
  { ...line("region add", "region", "add", "nowhere", ...operator), code: 3 },
  { ...line("region remove", "region", "remove", "home", ...operator), code: 3 },
  {
    ...line("region approve", "region", "approve", "none", "--in", "home", "--as", "approver"),
    code: 3,
  },
  { ...line("region abort", "region", "abort", "none", "--in", "home", ...operator), code: 3 },
  line("region residency", "region", "residency", ...operator),
  { ...line("edge add", "edge", "add", "oslo", "--region", "nowhere", ...operator), code: 3 },
  { ...line("edge remove", "edge", "remove", "oslo", ...operator), code: 3 },
  { ...line("edge run", "edge", "run", "/nowhere"), code: 1 },
  { ...line("edge read", "edge", "read", "/nowhere", "ACME"), code: 1 },
  { ...line("edge status", "edge", "status", "/nowhere"), code: 1 },
  line("region nearest", "region", "nearest", "-o", "jsonl"),
  { ...line("region nearest", "region", "nearest", "--residency-of", "mars"), code: 3 },
  line("doctor", "doctor", "--machine", "-o", "jsonl"),
  line("completion", "completion", "fish"),
  { ...line("completion", "completion", "tcsh"), code: 2 },
];
