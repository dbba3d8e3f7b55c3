import { type ActorRefFrom, type AnyStateMachine, createActor, type EventFrom } from "xstate";

import type { ChildCounts, ChildInfo, NodeView, RecentEvent, TreeNode, TreeRow } from "./actor.ts";
import { ActorNode } from "./actor-node.ts";
import { runUnowned } from "./blame.ts";
import {
  type ChildSpec,
  type DynamicChild,
  type SupervisorStart,
  supervisorType,
} from "./child-spec.ts";
import { Children, type Slot } from "./children.ts";
import { type ActorFailure, type ExitReason, summary } from "./exit.ts";
import {
  affected,
  countRestart,
  dynamicChildFault,
  endsSupervisor,
  failuresInRow,
  restartDelay,
  restarts,
  specFault,
} from "./restart-policy.ts";
import type { Linked } from "./links.ts";
import { ok, type Result } from "./result.ts";
import {
  announceExit,
  conditionOf,
  type ExitListener,
  notFound,
  rowOf,
  type Runtime,
  type StartOutcome,
  type Status,
  type TreeMember,
  unixMs,
} from "./runtime.ts";
import type { SeededRandomness } from "./seeded-randomness.ts";
import { type Operation, SerialQueue } from "./serial-queue.ts";
import { supervisorMachine } from "./supervisor-machine.ts";
import type { DurationNs } from "./units.ts";
import { Vitals } from "./vitals.ts";

/** Most calls (startChild, terminateChild, …) waiting for a supervisor that is stopping children. */
const waitingCallsLimit = 1_024;

/**
 * Starts, watches, restarts and stops its children. Like OTP's supervisor it does one thing at a
 * time: exits and calls that come while children are being stopped wait their turn. It runs
 * synchronously where nothing has to be waited for.
 */
export class SupervisorNode implements TreeMember, ExitListener {
  readonly path: string;
  readonly spec: ChildSpec<SupervisorStart>;
  readonly addressee = null;
  readonly vitals: Vitals;
  incarnation = 0;
  #status: Status = "stopped";
  #failed = false;
  readonly #runtime: Runtime;
  readonly #exited: ExitListener;
  readonly #randomness: SeededRandomness;
  readonly #children = new Children();
  /** One per incarnation: what a killed one was about to do must not run beside its successor. */
  #operations = new SerialQueue();
  #waitingCalls = 0;
  #machine: ActorRefFrom<typeof supervisorMachine> | null = null;
  #ended = Promise.withResolvers<void>();
  #restartTimes: readonly number[] = [];
  /** The group that waits for its back-off; null when none does. */
  #group: readonly Slot[] | null = null;
  #cancelGroup: () => void = () => {};
  #lastFailure = "";
  /** Path of the child whose end this supervisor ends for. */
  #because = "";
  /** For links: a supervisor never ends for one. */
  readonly #linked: Linked;

  constructor(
    runtime: Runtime,
    path: string,
    spec: ChildSpec<SupervisorStart>,
    exited: ExitListener,
    above: Vitals | null,
  ) {
    this.path = path;
    this.vitals = new Vitals(above, runtime.changes);
    this.spec = spec;
    this.#runtime = runtime;
    this.#exited = exited;
    this.#randomness = runtime.randomness.fork(path);
    this.#linked = { path, exitSignal: () => {} };
    runtime.nodes.set(path, this);
    for (const child of spec.start.children) this.#add(child);
  }

  get status(): Status {
    return this.#status;
  }

  set status(status: Status) {
    this.#status = status;
    this.vitals.become(conditionOf(status, "", this.#failed));
  }

  start(): StartOutcome {
    this.incarnation += 1;
    this.#restartTimes = [];
    this.#ended = Promise.withResolvers<void>();
    this.#machine = createActor(supervisorMachine).start();
    const waiting = this.#operations.takeWaiting();
    this.#operations = new SerialQueue();
    // Exits of children that end while others are started wait until all are.
    this.#operations.hold();
    for (const operation of waiting) this.#operations.enqueue(operation);
    for (const slot of this.#children.inOrder()) {
      if (slot.rests === "stopped") continue;
      this.#children.rest(slot, null);
      slot.failuresInRow = 0;
      const outcome = this.#startSlot(slot);
      if (!outcome.ok) return this.#startFailed(slot, outcome.failure, outcome.released);
    }
    this.#tell({ type: "children_started" });
    this.#runtime.counters.starts += 1;
    this.#operations.release();
    return { ok: true, ignored: false };
  }

  stop(): Promise<void> {
    if (!this.#alive()) return this.#machine === null ? Promise.resolve() : this.#ended.promise;
    const { shutdown } = this.spec;
    if (shutdown === "brutal_kill") {
      this.kill();
      return this.#ended.promise;
    }
    if (shutdown !== "infinity") {
      const cancel = this.#runtime.clock.after(shutdown, () => this.kill());
      void this.#ended.promise.then(cancel);
    }
    const { incarnation } = this;
    this.#enqueue(() => (this.#lives(incarnation) ? this.#end({ kind: "shutdown" }) : undefined));
    return this.#ended.promise;
  }

  kill(): void {
    if (this.#machine === null || this.#state() === "ended") return;
    this.#tell({ type: "end", reason: { kind: "killed" } });
    this.#cancelBackoffs();
    for (const slot of this.#children.reversed()) {
      const { member } = slot;
      if (member.status === "running") member.status = "stopping";
      // Also one that counts as ended: what a failed start had started may still be stopping.
      member.kill();
      if (slot.rests === null) this.#settle(slot, "restarting");
    }
    this.#finish({ kind: "killed" });
  }

  retire(): void {
    for (const { member } of this.#children.inOrder()) {
      member.status = "stopped";
      member.retire();
    }
  }

  remove(): void {
    for (const { member } of this.#children.inOrder()) member.remove();
    this.#runtime.nodes.delete(this.path);
    this.vitals.leave();
  }

  get stateNow(): string {
    const asleep = this.status === "exited" ? "restarting" : this.status;
    return this.status === "running" ? this.#state() : asleep;
  }

  get waiting(): number {
    return 0;
  }

  *childNodes(): Iterable<NodeView> {
    for (const { member } of this.#children.inOrder()) yield member;
  }

  row(): TreeRow {
    return rowOf(this, this.#children.size, this.#lastFailure, this.#runtime.clock.monotonic());
  }

  machineNow(): AnyStateMachine | null {
    return this.#machine === null ? null : supervisorMachine;
  }

  recentEvents(): Promise<readonly RecentEvent[]> {
    return Promise.resolve([]);
  }

  collect(into: TreeNode[]): void {
    into.push({
      path: this.path,
      type: this.spec.type,
      state: this.stateNow,
      restarts: Math.max(this.incarnation - 1, 0),
      mailbox: 0,
      lastFailure: this.#lastFailure,
    });
    for (const { member } of this.#children.inOrder()) member.collect(into);
  }

  life(): Linked | undefined {
    return this.#machine === null || this.#state() === "ended" ? undefined : this.#linked;
  }

  childExited(member: TreeMember, reason: ExitReason): void {
    member.status = "exited";
    const { incarnation } = member;
    this.#enqueue(() => this.#answerExit(member, incarnation, reason));
  }

  whichChildren(): readonly ChildInfo[] {
    return this.#children.list();
  }

  countChildren(): ChildCounts {
    return this.#children.count();
  }

  startChild(child: ChildSpec | DynamicChild): Promise<Result<void>> {
    return this.#call(() => {
      const spec = this.#specOf(child);
      if (!spec.ok) return spec;
      const { id } = spec.value;
      if (this.#children.get(id) !== undefined) return this.#alreadyStarted(`${this.path}/${id}`);
      if (this.#children.size >= this.spec.start.maximumChildren) {
        return this.#busy(`it has ${this.#children.size} children, as many as it may`);
      }
      if (this.#state() !== "running") return this.#busy(`it is ${this.#state()}`);
      const slot = this.#add(spec.value);
      const outcome = this.#startSlot(slot);
      if (outcome.ok) return done;
      return outcome.released.then(() => {
        this.#forget(slot);
        return this.#startRefused(slot.member.path, outcome.failure);
      });
    });
  }

  terminateChild(id: string): Promise<Result<void>> {
    return this.#call(async () => {
      const slot = this.#children.get(id);
      if (slot === undefined) return notFound(this.#runtime, `${this.path}/${id}`);
      if (!this.#alive()) return this.#busy(`it is ${this.#state()}`);
      const { incarnation } = this;
      await this.#stopSlots([slot], "stopped");
      if (!this.#lives(incarnation)) return this.#busy("it was killed meanwhile");
      this.#children.rest(slot, "stopped");
      if (this.#isDynamic && this.#children.get(id) === slot) this.#forget(slot);
      return done;
    });
  }

  restartChild(id: string): Promise<Result<void>> {
    return this.#call(async () => {
      const slot = this.#children.get(id);
      if (slot === undefined) return notFound(this.#runtime, `${this.path}/${id}`);
      if (this.#isDynamic) return this.#dynamicChild(slot);
      if (this.#state() !== "running") return this.#busy(`it is ${this.#state()}`);
      if (slot.member.status !== "stopped") return this.#alreadyStarted(slot.member.path);
      this.#children.rest(slot, null);
      slot.failuresInRow = 0;
      const outcome = this.#startSlot(slot);
      if (outcome.ok) return done;
      this.#children.rest(slot, "stopped");
      const { incarnation } = this;
      await outcome.released;
      if (this.#lives(incarnation)) this.#settle(slot, "stopped");
      return this.#startRefused(slot.member.path, outcome.failure);
    });
  }

  deleteChild(id: string): Promise<Result<void>> {
    return this.#call(async () => {
      const slot = this.#children.get(id);
      if (slot === undefined) return notFound(this.#runtime, `${this.path}/${id}`);
      if (this.#isDynamic) return this.#dynamicChild(slot);
      if (slot.member.status !== "stopped") {
        return this.#runtime.counters.refuse(
          "still_running",
          `${slot.member.path} is ${slot.member.status}`,
          "terminate the child first",
        );
      }
      this.#forget(slot);
      return done;
    });
  }

  get #isDynamic(): boolean {
    return this.spec.start.strategy === "simple_one_for_one";
  }

  /** The whole specification of a child to add. Failure code: definition_invalid. */
  #specOf(child: ChildSpec | DynamicChild): Result<ChildSpec> {
    const { definitions, counters } = this.#runtime;
    const { template, autoShutdown = "never" } = this.spec.start;
    let spec: ChildSpec;
    let fault: string | null = null;
    if (template === undefined) {
      spec = child as ChildSpec;
      fault = specFault(spec, definitions, this.path, autoShutdown);
    } else {
      spec = { ...template, id: child.id, start: child.start };
      fault = dynamicChildFault(child, this.path);
      // The template was found right when the supervisor was; what start says is new.
      if (fault === null && spec.type === supervisorType) {
        fault = specFault(spec, definitions, this.path, autoShutdown);
      }
    }
    return fault === null
      ? ok(spec)
      : counters.refuse("definition_invalid", fault, "correct the child specification");
  }

  /** Whether exits of children are answered and calls taken. */
  #alive(): boolean {
    return this.#state() === "running" || this.#state() === "restarting";
  }

  /** Whether the incarnation that began something has not ended meanwhile. */
  #lives(incarnation: number): boolean {
    return this.incarnation === incarnation && this.#state() !== "ended";
  }

  #goesOn(incarnation: number): boolean {
    return this.#lives(incarnation) && this.#alive();
  }

  #state(): string {
    return this.#machine?.getSnapshot().value ?? "stopped";
  }

  #tell(event: EventFrom<typeof supervisorMachine>): void {
    const from = this.#state();
    this.#machine?.send(event);
    const to = this.#state();
    if (from === to) return;
    const { incarnation } = this;
    const atUnixMs = unixMs(this.#runtime.clock);
    this.vitals.transition({ atUnixMs, incarnation, from, to, cause: event.type });
  }

  #add(spec: ChildSpec): Slot {
    return this.#children.add(
      treeMember(this.#runtime, `${this.path}/${spec.id}`, spec, this, this.vitals),
    );
  }

  #forget(slot: Slot): void {
    cancelBackoff(slot);
    this.#children.remove(slot);
    slot.member.status = "stopped";
    slot.member.remove();
  }

  #startSlot(slot: Slot): StartOutcome {
    slot.startedAt = this.#runtime.clock.monotonic();
    // Set before, so that the child can use its own address while it starts.
    slot.member.status = "running";
    const outcome = slot.member.start();
    if (!outcome.ok) slot.member.status = "exited";
    else if (outcome.ignored) this.#finished(slot);
    return outcome;
  }

  /** It has ended by itself and is not started again unless somebody asks. */
  #finished(slot: Slot): void {
    this.#children.rest(slot, "finished");
    if (this.#isDynamic) this.#forget(slot);
    else this.#settle(slot, "stopped");
  }

  /** The status of a child that does not run; a temporary one is forgotten. */
  #settle(slot: Slot, status: "restarting" | "stopped"): void {
    slot.member.status = status;
    if (slot.member.spec.restart === "temporary") this.#forget(slot);
    else if (status === "stopped") slot.member.retire();
  }

  #startFailed(slot: Slot, cause: ActorFailure, released: Promise<void>): StartOutcome {
    const failure: ActorFailure = {
      ...cause,
      message: `${slot.member.path} could not be started: ${cause.message}`,
    };
    const { incarnation } = this;
    const operations = this.#operations;
    const ended = released.then(() =>
      this.#lives(incarnation) ? this.#end({ kind: "failed", failure }) : undefined,
    );
    // What came meanwhile is answered by what it finds: a supervisor that has ended.
    void ended.finally(() => operations.release());
    return { ok: false, failure, released: ended };
  }

  #answerExit(member: TreeMember, incarnation: number, reason: ExitReason): void | Promise<void> {
    // It may have been stopped or started again by what was done before this turn came.
    if (!this.#alive() || member.status !== "exited" || member.incarnation !== incarnation) return;
    const slot = this.#children.get(member.spec.id);
    if (slot?.member !== member) return;
    const { restart, significant = false } = member.spec;
    if (restarts(restart, reason)) return this.#restart(slot, reason);
    this.#finished(slot);
    const { autoShutdown = "never" } = this.spec.start;
    if (endsSupervisor(autoShutdown, significant, this.#children.significantActive)) {
      this.#runtime.counters.autoShutdowns += 1;
      return this.#end({ kind: "shutdown" });
    }
  }

  #restart(slot: Slot, reason: ExitReason): void | Promise<void> {
    const { strategy, intensity, backoff } = this.spec.start;
    const now = this.#runtime.clock.monotonic();
    const counted = countRestart(intensity, this.#restartTimes, now);
    if (counted === null) return this.#escalate(slot, reason);
    this.#restartTimes = counted;
    slot.failuresInRow = failuresInRow(backoff, slot.failuresInRow, now - slot.startedAt);
    const delay = restartDelay(backoff, slot.failuresInRow, this.#randomness);
    if (strategy === "one_for_one" || strategy === "simple_one_for_one") {
      return this.#restartOne(slot, delay);
    }
    const ids = affected(strategy, () => this.#children.ids(), slot.member.spec.id);
    return this.#restartGroup(
      ids.map((id) => this.#children.get(id) as Slot),
      delay,
      slot.member.path,
    );
  }

  #restartOne(slot: Slot, delay: DurationNs): void | Promise<void> {
    slot.member.status = "restarting";
    if (delay === 0) return this.#startAgain(slot);
    slot.cancelBackoff = this.#runtime.clock.after(delay, () => {
      slot.cancelBackoff = null;
      this.#enqueue(() => (this.#alive() ? this.#startAgain(slot) : undefined));
    });
  }

  async #restartGroup(slots: readonly Slot[], delay: DurationNs, because: string): Promise<void> {
    const { incarnation } = this;
    this.#cancelGroup();
    this.#tell({ type: "group_ended" });
    await this.#stopSlots(slots, "restarting", because);
    if (!this.#goesOn(incarnation)) return;
    this.#group = slots;
    if (delay === 0) return this.#startGroup(slots);
    this.#cancelGroup = this.#runtime.clock.after(delay, () =>
      this.#enqueue(() => this.#startGroup(slots)),
    );
  }

  #startGroup(slots: readonly Slot[]): void | Promise<void> {
    // An earlier child may have failed meanwhile: then a larger group waits in place of this one.
    if (this.#group !== slots || !this.#alive()) return;
    this.#group = null;
    for (const slot of slots) {
      const failed = this.#startAgain(slot);
      if (failed !== undefined) return failed;
    }
    this.#tell({ type: "children_started" });
  }

  /** Returns a promise when the start failed and that is being answered. */
  #startAgain(slot: Slot): void | Promise<void> {
    if (slot.member.status !== "restarting") return;
    this.#runtime.counters.restarted(slot.member.spec.type);
    slot.member.vitals.restarted(this.#runtime.clock.monotonic());
    const outcome = this.#startSlot(slot);
    if (outcome.ok) return;
    const { incarnation } = this;
    return outcome.released.then(() =>
      this.#goesOn(incarnation)
        ? this.#restart(slot, { kind: "failed", failure: outcome.failure })
        : undefined,
    );
  }

  #escalate(slot: Slot, reason: ExitReason): Promise<void> {
    const { maximumRestarts, within } = this.spec.start.intensity;
    this.#runtime.counters.escalations += 1;
    const last = summary(reason) || reason.kind;
    this.#because = slot.member.path;
    return this.#end({
      kind: "failed",
      failure: {
        name: "RestartIntensityError",
        message: `more than ${maximumRestarts} restarts within ${within / 1_000_000} ms; last: ${slot.member.path}: ${last}`,
        stack: reason.kind === "failed" ? reason.failure.stack : "",
        during: "children",
      },
    });
  }

  /** Stops all children in reverse order of start, then ends. */
  async #end(reason: ExitReason): Promise<void> {
    const { incarnation } = this;
    this.#tell({ type: "end", reason });
    this.#cancelBackoffs();
    const because = reason.kind === "failed" ? this.path : "";
    await this.#stopSlots([...this.#children.inOrder()], "restarting", because);
    if (this.#lives(incarnation)) this.#finish(reason);
  }

  #finish(reason: ExitReason): void {
    this.#tell({ type: "children_ended" });
    this.#lastFailure = summary(reason) || this.#lastFailure;
    this.#failed = reason.kind === "failed" || reason.kind === "killed";
    announceExit(this.#runtime, this, reason, { because: this.#because });
    this.#because = "";
    this.#ended.resolve();
    if (this.status === "running") this.#exited.childExited(this, reason);
  }

  #cancelBackoffs(): void {
    this.#cancelGroup();
    this.#group = null;
    for (const slot of this.#children.inOrder()) cancelBackoff(slot);
  }

  /**
   * Stops children in reverse order, those of a dynamic supervisor all at the same time. A kill
   * meanwhile has done it all, and then no more is done. `because`: path of the node whose end is the
   * reason; empty when somebody asked.
   */
  async #stopSlots(
    slots: readonly Slot[],
    status: "restarting" | "stopped",
    because = "",
  ): Promise<void> {
    const { incarnation } = this;
    const stopping: Promise<void>[] = [];
    for (const slot of slots.toReversed()) {
      cancelBackoff(slot);
      const { member } = slot;
      if (member.status === "running") {
        member.status = "stopping";
        const pending = member.stop();
        if (pending !== undefined && this.#isDynamic) {
          stopping.push(
            pending.then(() => {
              if (because !== "") member.vitals.blame(because);
              this.#stopped(slot, incarnation, status);
            }),
          );
          continue;
        }
        if (pending !== undefined) await pending;
        if (because !== "") member.vitals.blame(because);
      }
      if (!this.#lives(incarnation)) return;
      this.#stopped(slot, incarnation, status);
    }
    await Promise.all(stopping);
  }

  #stopped(slot: Slot, incarnation: number, status: "restarting" | "stopped"): void {
    if (this.#lives(incarnation) && slot.rests === null) this.#settle(slot, status);
  }

  #call(work: () => Result<void> | Promise<Result<void>>): Promise<Result<void>> {
    if (this.#waitingCalls >= waitingCallsLimit) {
      return Promise.resolve(this.#busy(`${this.#waitingCalls} calls wait already`));
    }
    this.#waitingCalls += 1;
    return new Promise((resolve, reject) => {
      const settle = (result: Result<void>): void => {
        this.#waitingCalls -= 1;
        resolve(result);
      };
      this.#enqueue(() => {
        const worked = work();
        return worked instanceof Promise ? worked.then(settle, reject) : settle(worked);
      });
    });
  }

  #enqueue(operation: Operation): void {
    runUnowned(() => this.#operations.enqueue(operation));
  }

  #busy(why: string): Result<void> {
    return this.#runtime.counters.refuse("busy", `${this.path}: ${why}`, "try again in a moment");
  }

  #alreadyStarted(path: string): Result<void> {
    return this.#runtime.counters.refuse(
      "already_started",
      `${path} exists and is not stopped`,
      "use another id, or terminate the child first",
    );
  }

  #dynamicChild({ member }: Slot): Result<void> {
    return this.#runtime.counters.refuse(
      "dynamic_child",
      `${member.path} is made from a template: it is kept as long as it runs`,
      "terminate it, and start one with the same id and start data anew",
    );
  }

  #startRefused(path: string, failure: ActorFailure): Result<void> {
    return this.#runtime.counters.refuse(
      "start_failed",
      `${path}: ${failure.name}: ${failure.message}`,
      "correct its start data, then start it again",
    );
  }
}

const done: Result<void> = ok(undefined);

function cancelBackoff(slot: Slot): void {
  slot.cancelBackoff?.();
  slot.cancelBackoff = null;
}

/** The node for a checked specification. */
export function treeMember(
  runtime: Runtime,
  path: string,
  spec: ChildSpec,
  exited: ExitListener,
  above: Vitals | null,
): TreeMember {
  if (spec.type === supervisorType) {
    return new SupervisorNode(runtime, path, spec as ChildSpec<SupervisorStart>, exited, above);
  }
  const definition = runtime.definitions.get(spec.type);
  if (definition === undefined) throw new Error(`${path}: no actor type ${spec.type}`);
  return new ActorNode(runtime, path, spec, definition, exited, above);
}
