import { busContract, type BusHarness } from "../../actors/bus/bus-contract.ts";
import type { Bus } from "../../actors/kernel/ports/bus.ts";
import { seededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import { Life, Scheduler } from "./scheduler.ts";
import { SimulatedBus, SimulatedSwitch } from "./simulated-bus.ts";
import { SimulatedClock } from "./simulated-clock.ts";
import { type AppendTrouble, SimulatedJetStream } from "./simulated-jetstream.ts";
import { SimulatedNetwork } from "./simulated-network.ts";

const stream = "JRN_contract_00";
const never = { sequence: 0, duplicate: false, error: null };
const troubles: Partial<Readonly<Record<Parameters<BusHarness["appendIn"]>[0], AppendTrouble>>> = {
  answer_lost: { kind: "silent", stored: true },
  duplicate: {
    kind: "answered",
    ack: { ...never, sequence: 7, duplicate: true },
    stored: false,
  },
  sequence_zero: { kind: "answered", ack: never, stored: false },
};

function startHarness(): Promise<BusHarness> {
  const random = seededRandomness(11);
  const scheduler = new Scheduler();
  const network = new SimulatedNetwork(scheduler, random.fork("network"));
  const jetstream = new SimulatedJetStream(scheduler, network, random.fork("jetstream"));
  const shared = new SimulatedSwitch(scheduler, network, jetstream, random.fork("switch"));
  let connections = 0;
  let subjects = 0;
  const connect = (): Promise<SimulatedBus> => {
    const life = new Life(`client-${connections}`);
    const site = connections % 3;
    connections += 1;
    const clock = new SimulatedClock(scheduler, life, { rate: 1, wallOffset: 0, frozen: 0 });
    return Promise.resolve(new SimulatedBus(shared, life, site, clock));
  };
  const settle = async <T>(work: Promise<T>): Promise<T> => {
    const state = { settled: false };
    const done = (): void => {
      state.settled = true;
    };
    work.then(done, done);
    await scheduler.run(scheduler.now + 60e9, () => state.settled);
    if (!state.settled) throw new Error("not settled within a minute");
    return work;
  };
  const rival = new Uint8Array(Buffer.from("rival"));
  return Promise.resolve({
    stream,
    bucket: "LEASE",
    connect,
    freshSubject() {
      subjects += 1;
      return `jrn.contract-${subjects}`;
    },
    settle,
    pass: (milliseconds) => scheduler.run(scheduler.now + milliseconds * 1e6),
    async appendIn(trouble, bus: Bus, subject, payload, expectedTail) {
      if (trouble === "in_flight_conflict") {
        const won = bus.journal.append(stream, subject, rival, expectedTail);
        const fate = await bus.journal.append(stream, subject, payload, expectedTail);
        await won;
        return fate;
      }
      if (trouble === "both_stored") {
        // Checked on an older tail than the one there is when it is stored.
        jetstream.appendTrouble = () => null;
        const tail = jetstream.store(stream).tail(subject);
        jetstream.loseSuffix(stream, 1);
        jetstream.appendTrouble = () => ({ kind: "unchecked", after: 1e9 });
        const late = bus.journal.append(stream, subject, payload, expectedTail);
        scheduler.in(5e8, new Life("rival"), "rival", () => {
          jetstream.store(stream).store(subject, tail?.payload ?? rival);
        });
        const fate = await late;
        jetstream.appendTrouble = () => null;
        return fate;
      }
      jetstream.appendTrouble = () => troubles[trouble] ?? null;
      const fate = await bus.journal.append(stream, subject, payload, expectedTail);
      jetstream.appendTrouble = () => null;
      return fate;
    },
    async leaderless(body) {
      jetstream.crashServer(1);
      jetstream.crashServer(2);
      await body();
      jetstream.restartServer(1);
      jetstream.restartServer(2);
    },
    async staleTail(bus, subject, asOf) {
      jetstream.staleRead = () => asOf;
      const tail = await bus.journal.tail(stream, subject);
      jetstream.staleRead = () => null;
      return tail;
    },
    stop: () => Promise.resolve(),
  });
}

busContract({ name: "simulated servers", missing: null, cannot: {}, start: startHarness });
