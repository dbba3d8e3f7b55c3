/** The one-way import table of the house style, as data. A folder uses only what it names, and itself. */
export interface Folder {
  readonly path: string;
  readonly imports: readonly string[] | "anything";
  /** An actor type: has the files every actor folder has. */
  readonly actor?: true;
}

const kernel = "actors/kernel";
const models = "actors/models";
const schemas = "schemas";
const actorTypes = [
  "market",
  "strategy",
  "risk-limit",
  "market-maker",
  "custom-strategy",
  "execution",
  "region",
  "surveillance",
  "reporting",
  "privacy",
  "prover",
  "anchor",
];

/** Actor types that keep orders at a market: what they have in common is actors/trading. */
const traders = ["market-maker", "custom-strategy", "execution"];

export const typescriptFolders: readonly Folder[] = [
  { path: "schemas", imports: [] },
  { path: "actors/kernel", imports: [] },
  {
    path: "actors/models",
    imports: [
      "actors/kernel/units.ts",
      "actors/kernel/ports/randomness.ts",
      "actors/kernel/result.ts",
    ],
  },
  ...actorTypes.map(
    (type): Folder => ({
      path: `actors/${type}`,
      imports: [kernel, models, schemas, ...(traders.includes(type) ? ["actors/trading"] : [])],
      actor: true,
    }),
  ),
  { path: "actors/trading", imports: [kernel, schemas] },
  { path: "actors/control", imports: [kernel, schemas] },
  { path: "actors/views", imports: [kernel, schemas] },
  { path: "actors/confined", imports: [kernel] },
  { path: "actors/fix", imports: [kernel, schemas] },
  { path: "actors/incident", imports: [kernel, schemas], actor: true },
  { path: "actors/replay", imports: [kernel, models, schemas] },
  { path: "actors/bus", imports: [kernel, schemas] },
  {
    path: "actors/root",
    imports: [
      kernel,
      models,
      schemas,
      ...actorTypes.map((type) => `actors/${type}`),
      "actors/fix",
      "actors/incident",
      "actors/replay",
      "actors/bus",
      "actors/trading",
      "actors/control",
      "actors/views",
      "actors/confined",
      "native",
      "native/client",
      "native/portable",
    ],
  },
  { path: "native", imports: [kernel] },
  { path: "native/client", imports: [kernel, "native"] },
  { path: "native/portable", imports: [kernel, "native"] },
  { path: "native/protocols", imports: [schemas] },
  { path: "ops", imports: [kernel, "actors/bus", "actors/replay", schemas] },
  { path: "test", imports: "anything" },
  { path: "bench", imports: "anything" },
];

/** Folders of the native side with everything they may include, what their dependencies name included. */
export const cppFolders: readonly Folder[] = [
  { path: "native/base", imports: [] },
  { path: "native/wire", imports: ["native/base"] },
  { path: "native/rings", imports: ["native/base", "native/wire"] },
  { path: "native/client", imports: ["native/base", "native/wire", "native/rings"] },
  { path: "native/engine", imports: ["native/base", "native/wire"] },
  { path: "native/rv32", imports: ["native/base", "native/wire", "native/engine"] },
  { path: "native/engine/abi", imports: ["native/base", "native/wire", "native/engine"] },
  { path: "native/protocols", imports: ["native/base"] },
  { path: "native/feed", imports: ["native/base", "native/wire", "native/protocols"] },
  {
    path: "native/feed/support",
    imports: [
      "native/base",
      "native/wire",
      "native/protocols",
      "native/engine",
      "native/engine/support",
      "native/feed",
    ],
  },
  { path: "native/order_entry", imports: ["native/base", "native/wire", "native/protocols"] },
  {
    path: "native/order_entry/support",
    imports: [
      "native/base",
      "native/wire",
      "native/protocols",
      "native/engine",
      "native/engine/support",
      "native/order_entry",
    ],
  },
  {
    path: "native/edge",
    imports: [
      "native/base",
      "native/wire",
      "native/rings",
      "native/client",
      "native/protocols",
      "native/feed",
      "native/order_entry",
    ],
  },
  {
    path: "native/edge/support",
    imports: [
      "native/base",
      "native/wire",
      "native/rings",
      "native/protocols",
      "native/engine",
      "native/engine/support",
      "native/order_entry",
      "native/order_entry/support",
      "native/edge",
    ],
  },
  {
    path: "native/memory",
    imports: [
      "native/base",
      "native/wire",
      "native/rings",
      "native/engine",
      "native/engine/support",
    ],
  },
  { path: "native/journal", imports: ["native/base", "native/wire", "native/rings"] },
  {
    path: "native/reactor",
    imports: [
      "native/base",
      "native/wire",
      "native/rings",
      "native/client",
      "native/engine",
      "native/memory",
      "native/protocols",
      "native/journal",
    ],
  },
  {
    path: "native/duties",
    imports: [
      "native/base",
      "native/wire",
      "native/rings",
      "native/client",
      "native/engine",
      "native/memory",
      "native/protocols",
      "native/journal",
      "native/reactor",
      "native/order_entry",
      "native/feed",
      "native/edge",
    ],
  },
  {
    path: "native/addon",
    imports: [
      "native/base",
      "native/wire",
      "native/rings",
      "native/client",
      "native/engine",
      "native/memory",
      "native/protocols",
      "native/journal",
      "native/reactor",
      "native/order_entry",
      "native/feed",
      "native/edge",
      "native/duties",
    ],
  },
];

/** The folder with the longest path that holds the file; null when none does. */
export function folderOf(table: readonly Folder[], file: string): Folder | null {
  const holding = table.filter((folder) => file.startsWith(`${folder.path}/`));
  return holding.reduce<Folder | null>(
    (best, folder) => (best === null || folder.path.length > best.path.length ? folder : best),
    null,
  );
}
