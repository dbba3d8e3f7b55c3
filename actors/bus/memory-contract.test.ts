import { manualClock } from "../kernel/manual-clock.ts";
import { durationNs } from "../kernel/units.ts";
import { busContract, type BusHarness } from "./bus-contract.ts";
import { type AppendFault, MemoryBroker, MemoryBus } from "./memory.ts";

const never = { sequence: 0, duplicate: false, error: null };
const faults: Readonly<Record<Parameters<BusHarness["appendIn"]>[0], AppendFault>> = {
  in_flight_conflict: {
    fault: "answered",
    ack: { ...never, error: { code: 10_164, text: "wrong last sequence" } },
    stored: false,
  },
  answer_lost: { fault: "undecided_stored", reason: "timeout" },
  duplicate: { fault: "answered", ack: { ...never, sequence: 7, duplicate: true }, stored: false },
  sequence_zero: { fault: "answered", ack: never, stored: false },
  both_stored: { fault: "unchecked" },
};

busContract({
  name: "in memory",
  missing: null,
  cannot: {},
  start() {
    const clock = manualClock();
    const broker = new MemoryBroker();
    let subjects = 0;
    const pass = async (milliseconds: number): Promise<void> => {
      await clock.advance(durationNs(milliseconds * 1e6));
    };
    return Promise.resolve({
      stream: "JRN_contract_00",
      bucket: "LEASE",
      connect: () => Promise.resolve(new MemoryBus(broker, clock)),
      freshSubject() {
        subjects += 1;
        return `jrn.contract-${subjects}`;
      },
      async settle(work) {
        const state = { settled: false };
        const done = (): void => {
          state.settled = true;
        };
        work.then(done, done);
        while (!state.settled) await pass(10);
        return work;
      },
      pass,
      async appendIn(trouble, bus, subject, payload, expectedTail) {
        if (trouble === "in_flight_conflict") {
          broker.inject("JRN_contract_00", subject, new Uint8Array(Buffer.from("rival")));
        }
        broker.appendFault = () => faults[trouble];
        const fate = await bus.journal.append("JRN_contract_00", subject, payload, expectedTail);
        broker.appendFault = () => null;
        return fate;
      },
      async leaderless(body) {
        broker.leaderless = true;
        await body();
        broker.leaderless = false;
      },
      async staleTail(bus, subject, asOf) {
        broker.readFault = () => ({ asOf });
        const tail = await bus.journal.tail("JRN_contract_00", subject);
        broker.readFault = () => null;
        return tail;
      },
      stop: () => Promise.resolve(),
    });
  },
});
