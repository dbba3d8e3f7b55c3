import type { Bus } from "../kernel/ports/bus.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { Log } from "../kernel/ports/log.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import type { DurationNs } from "../kernel/units.ts";
import { encodeRows, encodeWindow, treeViewSubject } from "./codec.ts";
import type { RegionWindow, TreeRequest } from "./messages.ts";

export interface LiveViewPorts {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly window: (request: TreeRequest) => Promise<Result<RegionWindow>>;
}

/** Views a cell keeps; one more is refused `busy`. */
export const viewLimit = 64;
/** A view ends by itself this long after it was last asked for. */
export const leaseMs = 15_000;
const everyMs = 1_000;
const nanoseconds = (milliseconds: number): DurationNs => (milliseconds * 1_000_000) as DurationNs;

interface Leased {
  request: TreeRequest;
  until: DurationNs;
  number: number;
  rows: Uint8Array;
  /** Its window is being read: a tick meanwhile is left out. */
  reading: boolean;
}

/**
 * Windows that are published once a second as long as somebody asks for them: one message per view,
 * however many actors change. Without a view there is no timer either.
 */
export class LiveViews {
  readonly #ports: LiveViewPorts;
  readonly #region: string;
  readonly #views = new Map<string, Leased>();
  #cancel: (() => void) | null = null;

  constructor(ports: LiveViewPorts, region: string) {
    this.#ports = ports;
    this.#region = region;
  }

  get size(): number {
    return this.#views.size;
  }

  /**
   * Begins the view or extends it, with the window asked for from now on. The value is the first message.
   * Failure codes: busy, and those of the window.
   */
  async lease(request: TreeRequest): Promise<Result<Uint8Array>> {
    const { view } = request;
    if (!this.#views.has(view) && this.#views.size >= viewLimit) {
      return refuse(
        "busy",
        `${viewLimit} views are kept already`,
        "close one, or ask without a view",
      );
    }
    const window = await this.#ports.window(request);
    if (!window.ok) return window;
    const held = this.#views.get(view);
    const until = (this.#ports.clock.monotonic() + leaseMs * 1_000_000) as DurationNs;
    const leased: Leased = {
      request,
      until,
      number: held?.number ?? 0,
      rows: encodeRows(window.value.rows),
      reading: false,
    };
    this.#views.set(view, leased);
    if (this.#cancel === null) this.#arm();
    // The number of the message that this stands for: what comes next has the number behind it.
    return ok(encodeWindow(window.value, this.#facts(view, leased.number, false)));
  }

  end(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#views.clear();
  }

  #facts(view: string, number: number, unchanged: boolean) {
    const subject = treeViewSubject(this.#region, view);
    return { view, subject, leaseMs, number, unchanged };
  }

  #arm(): void {
    this.#cancel = this.#ports.clock.after(nanoseconds(everyMs), () => this.#tick());
  }

  #tick(): void {
    this.#cancel = null;
    const now = this.#ports.clock.monotonic();
    for (const [view, leased] of this.#views) {
      if (leased.until <= now) this.#views.delete(view);
      else if (!leased.reading) void this.#publish(view, leased);
    }
    if (this.#views.size > 0) this.#arm();
  }

  async #publish(view: string, leased: Leased): Promise<void> {
    leased.reading = true;
    try {
      const window = await this.#ports.window(leased.request);
      // Asked for anew meanwhile: what was read is of the window before.
      if (!window.ok || this.#views.get(view) !== leased) return;
      const rows = encodeRows(window.value.rows);
      const unchanged = Buffer.compare(rows, leased.rows) === 0;
      leased.rows = rows;
      leased.number += 1;
      const payload = encodeWindow(window.value, this.#facts(view, leased.number, unchanged));
      this.#ports.bus.publish(treeViewSubject(this.#region, view), payload);
    } catch (error) {
      this.#ports.log.error({ view, error: String(error) }, "a view could not be read");
    } finally {
      leased.reading = false;
    }
  }
}
