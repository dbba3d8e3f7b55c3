import type { Access } from "./access.ts";

/**
 * What public/begin.js began before this script was there. Each part is taken once: whoever asks again gets what
 * is new.
 */

interface BegunSocket {
  readonly url: string;
  readonly made: WebSocket;
  /** Messages of before somebody listened. */
  readonly heard: readonly MessageEvent[];
  /** Hears no more. */
  readonly deaf: () => void;
}

interface Begun {
  readonly access: Promise<Access | null>;
  readonly socket: Promise<BegunSocket | null>;
}

const begun = (globalThis as { readonly meridianBegun?: Begun }).meridianBegun;
let access = begun?.access ?? null;
let socket = begun?.socket ?? null;

/** Null: not asked yet, or without an answer. */
export async function begunAccess(): Promise<Access | null> {
  const taken = access;
  access = null;
  return taken;
}

/** A socket to the server: the one that was begun, while it is of use, else a new one. */
export async function socketTo(
  url: string,
): Promise<{ readonly socket: WebSocket; readonly encrypted: boolean }> {
  const encrypted = url.startsWith("wss:");
  const taken = await socket;
  socket = null;
  if (taken === null) return { socket: new WebSocket(url), encrypted };
  const { made, heard, deaf } = taken;
  const lives = made.readyState === WebSocket.OPEN || made.readyState === WebSocket.CONNECTING;
  if (!lives || new URL(taken.url).host !== new URL(url).host) {
    made.close();
    return { socket: new WebSocket(url), encrypted };
  }
  // Whoever asked puts its own listener in place before any message or timer has its turn.
  deaf();
  setTimeout(() => {
    for (const message of heard) made.onmessage?.(message);
  });
  return { socket: made, encrypted };
}
