import { connect } from "node:net";

/** What a server says before anybody logs in, and how long that took. */
export interface Greeting {
  readonly url: string;
  /** Two crossings of the network: the connection, and the first line. */
  readonly tookMs: number;
  /** It lets its clients go and takes no new ones. */
  readonly leaving: boolean;
}

const longestLine = 64 * 1024;

/** The greeting of the nats-server at a URL; null when there is none within the time. */
export function greetingOf(url: string, withinMs: number): Promise<Greeting | null> {
  const { hostname, port } = new URL(url);
  const begun = performance.now();
  return new Promise((resolve) => {
    let line = "";
    const socket = connect({ host: hostname, port: Number(port) });
    const end = (greeting: Greeting | null): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(greeting);
    };
    const timer = setTimeout(() => end(null), withinMs);
    socket.on("error", () => end(null));
    socket.on("close", () => end(null));
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      line += chunk;
      if (!line.includes("\r\n") && line.length < longestLine) return;
      const tookMs = performance.now() - begun;
      end(line.startsWith("INFO ") ? { url, tookMs, leaving: /"ldm":\s*true/.test(line) } : null);
    });
  });
}

/**
 * Names by how soon one of their servers greets, nearest first; after the first one the others have as long again,
 * and `settleMs` more. Those without a greeting come last, in the order in which they were given.
 */
export async function byGreeting(
  places: readonly { readonly name: string; readonly urls: readonly string[] }[],
  withinMs: number,
  settleMs = 20,
): Promise<readonly string[]> {
  const took = new Map<string, number>();
  const all = places.map(async ({ name, urls }) => {
    const greetings = await Promise.all(urls.map((url) => greetingOf(url, withinMs)));
    const fit = greetings.flatMap((one) => (one === null || one.leaving ? [] : [one.tookMs]));
    if (fit.length === 0) throw new Error("no greeting");
    took.set(name, Math.min(...fit));
  });
  const settled = Promise.allSettled(all);
  await Promise.any(all).then(
    () => {
      const first = Math.min(...took.values());
      return Promise.race([
        settled,
        new Promise((resolve) => setTimeout(resolve, first + settleMs).unref()),
      ]);
    },
    () => undefined,
  );
  const last = Number.POSITIVE_INFINITY;
  return places
    .map(({ name }) => name)
    .sort((a, b) => {
      const [one = last, other = last] = [took.get(a), took.get(b)];
      return one === other ? 0 : one - other;
    });
}
