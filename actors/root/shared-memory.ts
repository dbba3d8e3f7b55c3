import { NativeEngine, NativeMarket } from "../../native/index.ts";
import type { ClientCounters } from "../../native/index.ts";
import {
  type CellConfiguration,
  type ClientGrants,
  clientGrantsSchema,
} from "../../schemas/configuration.ts";
import type { Log } from "../kernel/ports/log.ts";
import type { MarketEngine, MatchingEngine } from "../kernel/ports/matching-engine.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import { readPrivateFile } from "./private-file.ts";

type Settings = NonNullable<CellConfiguration["clients"]>;

/** As in native/client/client_region.hpp. `administer` has no name here: the owner alone configures. */
const permissionBits = { stream: 1, speak_for_others: 4 } as const;

/**
 * The door of a cell for processes of its machine (native/client): the socket, and who may come in. Whom
 * it serves stands in a file, which is read again when `reload` is called; clients that are served stay.
 */
export class SharedMemoryDoor {
  readonly #engine: NativeEngine;
  readonly #settings: Settings;
  #tokens: readonly Uint8Array[] = [];

  private constructor(engine: NativeEngine, settings: Settings) {
    this.#engine = engine;
    this.#settings = settings;
  }

  /**
   * Null on an engine without shared memory, which is said in the log. Failure codes:
   * configuration_invalid (the file of grants), address_taken (the socket).
   */
  static async open(
    engine: MatchingEngine,
    settings: Settings,
    log: Log,
  ): Promise<Result<SharedMemoryDoor | null>> {
    if (!(engine instanceof NativeEngine)) {
      log.warn({ socket: settings.socket }, "the portable engine serves no shared-memory clients");
      return ok(null);
    }
    const door = new SharedMemoryDoor(engine, settings);
    const grants = readPrivateFile(settings.grantsFile, clientGrantsSchema);
    if (!grants.ok) return grants;
    try {
      await engine.serveClients(settings.socket);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return refuse("address_taken", reason, "set clients.socket to a path that is free and short");
    }
    door.#replace(grants.value);
    log.info({ socket: settings.socket, grants: grants.value.grants.length }, "shared memory open");
    return ok(door);
  }

  /** Lets clients in that want this market, until it is left. */
  serve(market: MarketEngine): void {
    if (market instanceof NativeMarket) market.admitClients();
  }

  /** The market is another cell's now: an order left in a ring must not be taken when it comes back. */
  leave(market: MarketEngine): void {
    if (market instanceof NativeMarket) market.dismissClients();
  }

  /** Reads the grants again. A file that cannot be used changes nothing. Code: configuration_invalid. */
  reload(): Result<void> {
    const grants = readPrivateFile(this.#settings.grantsFile, clientGrantsSchema);
    if (!grants.ok) return grants;
    this.#replace(grants.value);
    return ok(undefined);
  }

  counters(): ClientCounters {
    return this.#engine.clientCounters();
  }

  #replace({ grants }: ClientGrants): void {
    for (const token of this.#tokens) this.#engine.revokeClient(token);
    this.#tokens = grants.map(({ token }) => new Uint8Array(Buffer.from(token, "hex")));
    for (const [index, { user, account, permissions }] of grants.entries()) {
      const token = this.#tokens[index];
      if (token === undefined) throw new Error("a grant has a token");
      const bits = permissions.reduce((sum, name) => sum | permissionBits[name], 0);
      this.#engine.grantClient({ token, user, account, permissions: bits });
    }
  }
}
