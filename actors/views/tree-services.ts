import type { ActorSystem, NodeView } from "../kernel/actor.ts";
import type { Bus } from "../kernel/ports/bus.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import { type Failure, ok, refuse, type Result } from "../kernel/result.ts";
import type { DurationNs } from "../kernel/units.ts";
import {
  cellTreeSubject,
  decodeCellWindow,
  decodeNodeRequest,
  decodeTreeRequest,
  encodeCellWindow,
  encodeNode,
  encodeNodeRequest,
  encodeRefusal,
  encodeTreeRequest,
  encodeWindow,
  isToken,
  type NodeQuestion,
  refusalCode,
} from "./codec.ts";
import { parseFilter } from "./filter.ts";
import type { LiveViews } from "./live-views.ts";
import {
  type CellRow,
  type CellSummary,
  type CellWindow,
  noCounts,
  type RegionWindow,
  sumOf,
  type TreeRequest,
} from "./messages.ts";
import { parseSort, type Sort, sortedLimit, windowLimit, windowOf } from "./window.ts";

export interface TreeServicePorts {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly system: () => ActorSystem;
  /** Names of the region's live cells, this one among them. */
  readonly cells: () => Promise<readonly string[]>;
  /** Messages that the mailbox of such an actor takes. */
  readonly mailboxCapacity: (type: string) => number;
}

export interface TreeServiceSettings {
  readonly region: string;
  readonly cell: string;
}

/** A cell that is asked by another one has this long. */
const cellTimeout = 1_500_000_000 as DurationNs;
/** Rows that cells hand each other for a window of sorted rows over all of them. */
const mergedLimit = 2_000;
/** Beyond every tree: only the numbers are wanted. */
const noRows = 0xffff_ffff;
const eventsShown = 20;
const lettersShown = 10;

/** An encoded answer; `refusal` is its code when it is one. */
export interface ViewReply {
  readonly payload: Uint8Array;
  readonly refusal: string | null;
}

/**
 * Windows over the trees of a region's cells. Any cell answers for the region and asks the others; each
 * looks at its own tree only.
 */
export class TreeServices {
  readonly #ports: TreeServicePorts;
  readonly #settings: TreeServiceSettings;

  constructor(ports: TreeServicePorts, settings: TreeServiceSettings) {
    this.#ports = ports;
    this.#settings = settings;
  }

  /** A request to ops.<region>.tree; with a view also one that another cell hands on. */
  async tree(payload: Uint8Array, views: LiveViews): Promise<ViewReply> {
    const request = decodeTreeRequest(payload);
    if (!request.ok) return refused(request.failure);
    const { view } = request.value;
    if (view !== "") {
      if (!isToken(view)) {
        const shown = JSON.stringify(view.slice(0, 64));
        const rule = "letters, digits, _ and -, at most 64";
        return refused(refuse("malformed", `${shown} is no name of a view`, rule).failure);
      }
      const elsewhere = await this.#keeper(payload);
      if (elsewhere !== null) return elsewhere;
      const leased = await views.lease(request.value);
      return leased.ok ? done(leased.value) : refused(leased.failure);
    }
    const window = await this.window(request.value);
    return window.ok ? done(encodeWindow(window.value, null)) : refused(window.failure);
  }

  /** A view is kept by one cell, whoever is asked: the first by name, as far as it answers. */
  async #keeper(payload: Uint8Array): Promise<ViewReply | null> {
    const { region, cell } = this.#settings;
    const [first = cell] = [...(await this.#ports.cells())].sort();
    if (first === cell) return null;
    const subject = cellTreeSubject(region, first, "tree");
    const reply = await this.#ports.bus.request(subject, payload, cellTimeout);
    return reply.ok ? { payload: reply.value, refusal: refusalCode(reply.value) } : null;
  }

  /** A request of another cell: about this cell's tree, or to keep a view of the region. */
  async cellTree(payload: Uint8Array, views: LiveViews): Promise<ViewReply> {
    const request = decodeTreeRequest(payload);
    if (!request.ok) return refused(request.failure);
    if (request.value.view !== "") {
      const leased = await views.lease(request.value);
      return leased.ok ? done(leased.value) : refused(leased.failure);
    }
    const window = await this.#ownWindow(request.value, mergedLimit);
    return window.ok ? done(encodeCellWindow(window.value)) : refused(window.failure);
  }

  /** Failure codes: malformed, not_found, too_large, and those of the cells. */
  async window(request: TreeRequest): Promise<Result<RegionWindow>> {
    const checked = checkRequest(request);
    if (!checked.ok) return checked;
    const names = await this.#named(request.cell);
    if (!names.ok) return names;
    const sort = checked.value;
    const several = sort !== null && names.value.length > 1;
    if (several && request.offset + limitOf(request) > mergedLimit) {
      return refuse(
        "too_large",
        `sorted rows over ${names.value.length} cells end at ${mergedLimit}`,
        "name a cell, or narrow it by a filter",
      );
    }
    const read = several
      ? await this.#sorted(request, sort, names.value)
      : await this.#inTurn(request, names.value);
    const answered = read.cells.filter(({ silent }) => silent === "");
    if (answered.length === 0 && read.failure !== null) return { ok: false, failure: read.failure };
    return ok({
      rows: read.rows,
      total: read.total,
      offset: request.offset,
      totals: sumOf(read.cells.map(({ counts }) => counts)),
      cells: read.cells,
      atUnixMs: this.#now(),
    });
  }

  async #named(cell: string): Promise<Result<readonly string[]>> {
    const cells = [...(await this.#ports.cells())].sort();
    if (cell === "") return ok(cells);
    if (cells.includes(cell)) return ok([cell]);
    const shown = JSON.stringify(cell.slice(0, 64));
    return refuse(
      "not_found",
      `no cell ${shown} is alive in the region`,
      `one of ${cells.join(", ")}`,
    );
  }

  /** Cell after cell: what one has more than the offset comes before the next one's. */
  async #inTurn(request: TreeRequest, names: readonly string[]): Promise<Gathered> {
    const gathered = new Gathering();
    let skip = request.offset;
    let room = limitOf(request);
    for (const name of names) {
      const wanted = { ...request, offset: room === 0 ? noRows : skip, limit: Math.max(room, 1) };
      const found = await this.#cellWindow(name, wanted);
      gathered.add(name, found);
      if (!found.ok) continue;
      skip = Math.max(0, skip - found.value.total);
      room -= found.value.rows.length;
    }
    return gathered;
  }

  async #sorted(request: TreeRequest, sort: Sort, names: readonly string[]): Promise<Gathered> {
    const limit = request.offset + limitOf(request);
    const windows = await Promise.all(
      names.map((name) => this.#cellWindow(name, { ...request, offset: 0, limit })),
    );
    const gathered = new Gathering();
    for (const [index, window] of windows.entries()) gathered.add(names[index] ?? "", window);
    gathered.rows = gathered.rows
      .sort((one, other) => compareRows(one, other, sort))
      .slice(request.offset, limit);
    return gathered;
  }

  async #cellWindow(name: string, request: TreeRequest): Promise<Result<CellWindow>> {
    const { region, cell } = this.#settings;
    if (name === cell) return this.#ownWindow(request, mergedLimit);
    const payload = encodeTreeRequest({ ...request, cell: "", view: "" });
    const subject = cellTreeSubject(region, name, "tree");
    const reply = await this.#ports.bus.request(subject, payload, cellTimeout);
    return reply.ok ? decodeCellWindow(reply.value, name) : reply;
  }

  async #ownWindow(request: TreeRequest, most: number): Promise<Result<CellWindow>> {
    const filter = parseFilter(request.filter);
    if (!filter.ok) return filter;
    const sort = parseSort(request.sort);
    if (!sort.ok) return sort;
    const { cell } = this.#settings;
    const { clock } = this.#ports;
    const system = this.#ports.system();
    const root = system.node();
    if (root === null)
      return refuse("unavailable", "the cell is starting", "ask again in a moment");
    const now = clock.monotonic();
    const below = root.vitals.counts(now);
    const counts = { ...below, nodes: below.nodes + 1 };
    const branch = request.branch === "" ? root : system.node(request.branch);
    if (branch === null) {
      const shown = JSON.stringify(request.branch.slice(0, 256));
      return refuse(
        "not_found",
        `${cell} has no node ${shown}`,
        "list the tree and use one of its paths",
      );
    }
    const rootOnly = request.branch === "" && request.scope === "children";
    const query = {
      scope: request.scope,
      offset: request.offset,
      limit: Math.min(request.limit === 0 ? windowLimit : request.limit, most),
      filter: filter.value,
      sort: sort.value,
    };
    const found = rootOnly
      ? { rows: request.offset === 0 ? [root.row()] : [], total: 1 }
      : await windowOf(branch, query, now, () => this.#pause());
    return ok({ rows: found.rows.map((row) => ({ ...row, cell })), total: found.total, counts });
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#ports.clock.after(0 as DurationNs, resolve);
    });
  }

  #now(): number {
    return Number(this.#ports.clock.now() / 1_000_000n);
  }

  /** A request to ops.<region>.tree-node. */
  async node(payload: Uint8Array): Promise<ViewReply> {
    const question = decodeNodeRequest(payload);
    if (!question.ok) return refused(question.failure);
    const names = await this.#named(question.value.cell);
    if (!names.ok) return refused(names.failure);
    const { region, cell } = this.#settings;
    // Its own first: most regions have one cell.
    const order = [...names.value].sort(
      (one, other) => Number(other === cell) - Number(one === cell),
    );
    let last: ViewReply | null = null;
    for (const name of order) {
      if (name === cell) {
        last = await this.cellNode(payload);
      } else {
        const subject = cellTreeSubject(region, name, "tree-node");
        const asked = encodeNodeRequest({ ...question.value, cell: name });
        const reply = await this.#ports.bus.request(subject, asked, cellTimeout);
        if (reply.ok) last = { payload: reply.value, refusal: refusalCode(reply.value) };
        else last ??= refused(reply.failure);
      }
      if (last.refusal === null) return last;
    }
    return last ?? refused(this.#unknown(question.value).failure);
  }

  /** The same about this cell's own tree. */
  async cellNode(payload: Uint8Array): Promise<ViewReply> {
    const question = decodeNodeRequest(payload);
    if (!question.ok) return refused(question.failure);
    const system = this.#ports.system();
    const node = system.node(question.value.path);
    if (node === null || question.value.path === "") {
      return refused(this.#unknown(question.value).failure);
    }
    const letters = system.deadLetters.list().filter(({ path }) => path === node.path);
    return done(
      encodeNode({
        cell: this.#settings.cell,
        node,
        events: await eventsOf(node),
        letters: letters.slice(-lettersShown),
        mailboxCapacity: this.#ports.mailboxCapacity(node.spec.type),
        atUnixMs: this.#now(),
      }),
    );
  }

  #unknown({ path }: NodeQuestion): { readonly ok: false; readonly failure: Failure } {
    const shown = JSON.stringify(path.slice(0, 256));
    return refuse(
      "not_found",
      `there is no node ${shown}`,
      "list the tree and use one of its paths",
    );
  }
}

/** A look at an actor is no reason for it to fail, nor one's own. */
async function eventsOf(node: NodeView): ReturnType<NodeView["recentEvents"]> {
  try {
    return await node.recentEvents(eventsShown);
  } catch {
    return [];
  }
}

const done = (payload: Uint8Array): ViewReply => ({ payload, refusal: null });
const refused = (failure: Failure): ViewReply => ({
  payload: encodeRefusal(failure),
  refusal: failure.code,
});

const limitOf = ({ limit }: TreeRequest): number =>
  Math.min(limit === 0 ? windowLimit : limit, windowLimit);

function checkRequest(request: TreeRequest): Result<Sort | null> {
  const filter = parseFilter(request.filter);
  if (!filter.ok) return filter;
  const sort = parseSort(request.sort);
  if (!sort.ok) return sort;
  if (sort.value !== null && request.offset + limitOf(request) > sortedLimit) {
    const why = `a window of sorted rows ends at ${sortedLimit}`;
    return refuse("too_large", why, "narrow it by a filter");
  }
  return sort;
}

/** What has come of the cells so far. */
interface Gathered {
  readonly rows: readonly CellRow[];
  readonly total: number;
  readonly cells: readonly CellSummary[];
  readonly failure: Failure | null;
}

class Gathering implements Gathered {
  rows: CellRow[] = [];
  total = 0;
  readonly cells: CellSummary[] = [];
  failure: Failure | null = null;

  add(cell: string, found: Result<CellWindow>): void {
    if (found.ok) {
      this.rows.push(...found.value.rows);
      this.total += found.value.total;
      this.cells.push({ cell, counts: found.value.counts, silent: "" });
    } else {
      this.failure ??= found.failure;
      const silent = `${found.failure.code}: ${found.failure.reason}`;
      this.cells.push({ cell, counts: noCounts, silent });
    }
  }
}

function compareRows(one: CellRow, other: CellRow, { key, descending }: Sort): number {
  const sign = descending ? -1 : 1;
  const field = key === "restarts" ? "recentRestarts" : key;
  const [a, b] = [one[field], other[field]];
  return a === b ? 0 : a < b ? -sign : sign;
}
