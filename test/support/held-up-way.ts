import { connect, createServer, type Server, type Socket } from "node:net";

const host = "127.0.0.1";

/** The way to a server, on which each connection can be held up by itself. */
export class HeldUpWay {
  readonly #server: Server;
  readonly #ends: (readonly [Socket, Socket])[] = [];
  #isHeldUp = false;

  private constructor(to: number) {
    this.#server = createServer((near) => {
      const far = connect({ host, port: to });
      this.#ends.push([near, far]);
      near.on("error", () => far.destroy());
      far.on("error", () => near.destroy());
      if (this.#isHeldUp) return;
      near.pipe(far);
      far.pipe(near);
    });
  }

  static async to(port: number): Promise<HeldUpWay> {
    const way = new HeldUpWay(port);
    await new Promise<void>((listening) => way.#server.listen(0, host, listening));
    return way;
  }

  get url(): string {
    const address = this.#server.address();
    return `nats://${host}:${typeof address === "object" && address !== null ? address.port : 0}`;
  }
  get open(): number {
    return this.#ends.filter(([near]) => !near.destroyed).length;
  }

  /** The connection that was made as the first carries nothing any more, nor does one that is made later. */
  holdUpFirst(): void {
    this.#isHeldUp = true;
    const [first] = this.#ends.filter(([near]) => !near.destroyed);
    for (const end of first ?? []) end.unpipe();
  }

  close(): void {
    for (const end of this.#ends.flat()) end.destroy();
    this.#server.close();
  }
}
