import { connect, createServer, type Server, type Socket } from "node:net";

/** Forwards a port of loopback to another, each way later by a delay; what it carries can be held back or ended. */
export class SlowRelay {
  /** Of each way. */
  delayMs: number;
  /** Connections stay, and nothing passes. */
  frozen = false;
  readonly port: number;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  private constructor(server: Server, port: number, sockets: Set<Socket>, delayMs: number) {
    this.#server = server;
    this.port = port;
    this.#sockets = sockets;
    this.delayMs = delayMs;
  }

  static async to(target: number, delayMs: number): Promise<SlowRelay> {
    const sockets = new Set<Socket>();
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const relay = new SlowRelay(server, address.port, sockets, delayMs);
    server.on("connection", (client) => relay.#join(client, target));
    return relay;
  }

  /** Ends what is connected; who connects again is let through. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  stop(): void {
    this.drop();
    this.#server.close();
  }

  #join(client: Socket, target: number): void {
    const server = connect(target, "127.0.0.1");
    const end = (): void => {
      for (const socket of [client, server]) {
        this.#sockets.delete(socket);
        socket.destroy();
      }
    };
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", end);
      socket.on("close", end);
    }
    client.on("data", (data) => this.#pass(server, data));
    server.on("data", (data) => this.#pass(client, data));
  }

  #pass(socket: Socket, data: Buffer): void {
    setTimeout(() => {
      if (!this.frozen && !socket.destroyed) socket.write(data);
    }, this.delayMs);
  }
}
