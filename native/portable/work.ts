import { beginStep, limitStateIsOver } from "./breakers.ts";
import { executable, limitOf } from "./candidates.ts";
import { marketStates, reasons } from "./codes.ts";
import type { EngineState, Sweep } from "./engine-state.ts";
import { cancel, isOpen } from "./links.ts";
import { changeState } from "./market-states.ts";
import { enter } from "./matching.ts";
import { isForLater, isStop, isTrailing, needed, standings } from "./order.ts";
import type { Order } from "./order.ts";
import { pegsAreDue, pricePegs } from "./pegs.ts";
import { electStops, wait } from "./stops.ts";

/** Time and work (native/engine/README.md, Time and work). */

/** Steps of work before a command's own action, and again after it. */
export const WORK_STEPS = 64;
const EXPIRIES_PER_COMMAND = 64;
const NANOSECONDS = 1_000_000_000n;

/** Time passes before the command's own action: expiry, the end of a limit state, work. */
export function passTime(engine: EngineState): void {
  expire(engine);
  if (limitStateIsOver(engine)) {
    engine.emitState(marketStates.volatility_auction);
    changeState(engine, marketStates.volatility_auction);
  }
  work(engine);
}

function expire(engine: EngineState): void {
  if (engine.expiring.size === 0) return;
  const seconds = Number(engine.time / NANOSECONDS);
  if (engine.nextExpiry > seconds) return;
  const due = [...engine.expiring]
    .filter(({ expiry }) => expiry <= seconds)
    .sort((a, b) => a.expiry - b.expiry || a.entry - b.entry);
  let canceled = 0;
  for (const order of due) {
    if (!isOpen(order)) continue;
    if (canceled === EXPIRIES_PER_COMMAND) break;
    cancel(engine, order, reasons.expired);
    canceled += 1;
  }
  engine.nextExpiry = Infinity;
  for (const { expiry } of engine.expiring) {
    engine.nextExpiry = Math.min(engine.nextExpiry, expiry);
  }
}

/** Does the work that is there, as far as one command goes. */
export function work(engine: EngineState): void {
  for (let steps = 0; steps < WORK_STEPS; steps += 1) {
    beginStep(engine);
    if (!step(engine)) return;
    electStops(engine);
  }
}

/** Whether a tick would do something. */
export function hasWork(engine: EngineState): boolean {
  if (engine.dayEnd !== null || engine.sweeps.length > 0) return true;
  if (engine.state !== marketStates.open) return false;
  return engine.queue.length > 0 || pegsAreDue(engine) || conditionalAreDue(engine);
}

/** One step; false: there was none. */
function step(engine: EngineState): boolean {
  if (engine.dayEnd !== null) {
    if (sweepAll(engine, engine.dayEnd)) return true;
    engine.dayEnd = null;
  }
  for (let sweep = engine.sweeps[0]; sweep !== undefined; sweep = engine.sweeps[0]) {
    if (sweepOne(engine, sweep, sweep.account ?? 0)) return true;
    engine.sweeps.shift();
  }
  if (engine.state !== marketStates.open) return false;
  const [queued] = engine.queue;
  if (queued !== undefined) enterQueued(engine, queued);
  else if (pegsAreDue(engine)) pricePegs(engine);
  else if (conditionalAreDue(engine)) tryConditional(engine);
  else return false;
  return true;
}

function sweepAll(engine: EngineState, sweep: Sweep): boolean {
  for (const [row, { number }] of [...engine.accounts.rows()].entries()) {
    if (row < sweep.row) continue;
    if (row > sweep.row) sweep.passed = 0;
    sweep.row = row;
    if (sweepOne(engine, sweep, number)) return true;
  }
  return false;
}

/** Cancels the next order of the account that the sweep is about; false: there is none. */
function sweepOne(engine: EngineState, sweep: Sweep, account: number): boolean {
  for (const order of engine.accounts.find(account)?.orders ?? []) {
    if (order.entry <= sweep.passed || order.entry >= sweep.before) continue;
    sweep.passed = order.entry;
    if (!sweep.matches(order)) continue;
    cancel(engine, order, sweep.reason);
    return true;
  }
  return false;
}

/** A queued order enters by its type: as what a stop becomes, or as what a child is. */
function enterQueued(engine: EngineState, order: Order): void {
  engine.withdraw(order);
  if (isActivatedStop(order)) {
    if (isTrailing(order)) order.extreme = engine.lastTrade;
    wait(engine, order);
  } else if (isForLater(order, engine.state)) engine.set(order, standings.parked);
  else enter(engine, order, false);
}

/** A child stop that came to life has not been triggered yet. */
const isActivatedStop = (order: Order): boolean =>
  (isStop(order) || isTrailing(order)) && !order.triggered;

function conditionalAreDue(engine: EngineState): boolean {
  if (!engine.conditionalDue) return false;
  for (const { standing } of engine.conditional) if (standing === standings.dark) return true;
  return false;
}

/** One pass: each conditional order that finds its minimum leaves the dark book and enters. */
function tryConditional(engine: EngineState): void {
  engine.conditionalDue = false;
  const resting = [...engine.conditional].filter(({ standing }) => standing === standings.dark);
  for (const order of resting) {
    if (engine.state !== marketStates.open) return;
    if (order.standing !== standings.dark) continue;
    if (executable(engine, order, limitOf(engine, order)) < needed(order)) continue;
    engine.withdraw(order);
    enter(engine, order, false);
  }
}
