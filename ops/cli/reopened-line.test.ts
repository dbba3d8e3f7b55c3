import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { Delivery } from "../../schemas/sdk/client.ts";
import { type OneLine, ReopenedLine } from "./reopened-line.ts";

const test = suite("reopened line");

const answered = (name: string): Delivery => ({ kind: "reply", payload: Buffer.from(name) });
const nameIn = (delivery: Delivery): string =>
  delivery.kind === "reply" ? Buffer.from(delivery.payload).toString() : delivery.kind;

/** Answers with its name, publishes it once, and is lost when told. */
class Connection implements OneLine {
  readonly lost: Promise<void>;
  lose: () => void = () => {};
  #isLost = false;
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
    this.lost = new Promise((resolve) => {
      this.lose = () => {
        this.#isLost = true;
        resolve();
      };
    });
  }

  request(): Promise<Delivery> {
    return Promise.resolve(this.#isLost ? { kind: "disconnected" } : answered(this.#name));
  }

  async *listen(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(this.#name);
    await this.lost;
  }

  close(): Promise<void> {
    this.lose();
    return Promise.resolve();
  }
}

const ask = async (line: ReopenedLine): Promise<string> =>
  nameIn(await line.request("subject", new Uint8Array(), 1_000));

test("B8.3 a line whose server is lost is opened again by the next question, once for all who ask", async () => {
  const first = new Connection("first");
  const second = new Connection("second");
  let opened = 0;
  const line = new ReopenedLine(first, () => {
    opened += 1;
    return Promise.resolve(second);
  });
  assert.is(await ask(line), "first");
  first.lose();
  await first.lost;
  assert.equal(await Promise.all([ask(line), ask(line), ask(line)]), [
    "second",
    "second",
    "second",
  ]);
  assert.is(opened, 1);
  await line.close();
});

test("B8.3 while no server takes a connection a question ends as disconnected, and the next one tries again", async () => {
  const first = new Connection("first");
  const later: (Connection | null)[] = [null, null, new Connection("later")];
  const line = new ReopenedLine(first, () => Promise.resolve(later.shift() ?? null));
  first.lose();
  await first.lost;
  assert.equal(
    [await ask(line), await ask(line), await ask(line)],
    ["disconnected", "disconnected", "later"],
  );
  await line.close();
});

test("B8.3 what is listened to goes on over the new line", async () => {
  const first = new Connection("first");
  const line = new ReopenedLine(first, () => Promise.resolve(new Connection("second")));
  const heard: string[] = [];
  for await (const message of line.listen("subject")) {
    heard.push(Buffer.from(message).toString());
    if (heard.length === 2) break;
    first.lose();
  }
  assert.equal(heard, ["first", "second"]);
  await line.close();
});

test.run();
