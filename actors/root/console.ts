import { readFileSync } from "node:fs";
import { isIPv4 } from "node:net";

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import type { CellConfiguration } from "../../schemas/configuration.ts";
import { type ConsoleFile, type ConsoleFiles, readConsoleFiles } from "./console-files.ts";

/** Serves the console: its files, and what a page must know to connect. */

export interface ConsoleAccess {
  readonly profile: CellConfiguration["profile"];
  readonly region: string;
  readonly regions: readonly string[];
  readonly websockets: readonly string[];
  readonly people: readonly {
    readonly name: string;
    readonly role: string;
    readonly publicKey: string;
  }[];
  readonly build: string;
}

export interface ConsoleFace {
  readonly access: ConsoleAccess;
  /** Key of the user who may only watch; null: nobody gets one from here. */
  readonly observerSeed: string | null;
  readonly files: ConsoleFiles | null;
}

/** Null when the cell serves no console. */
export function consoleFace(configuration: CellConfiguration, build: string): ConsoleFace | null {
  const { console, profile, region, regions } = configuration;
  if (console === null) return null;
  const { directory, websockets, people, observerSeedFile } = console;
  return {
    access: { profile, region, regions, websockets, people, build },
    observerSeed:
      profile === "demo" && observerSeedFile !== null
        ? readFileSync(observerSeedFile, "utf8").trim()
        : null,
    files: readConsoleFiles(directory),
  };
}

const loopbackNames = new Set(["localhost", "127.0.0.1", "[::1]"]);
const loopbackAddress = (address: string): boolean =>
  address === "::1" || (isIPv4(address.replace("::ffff:", "")) && /^(::ffff:)?127\./.test(address));

/**
 * A request from this machine by a page of this cell. The name in `Host` counts too: else a page of another site
 * whose name has been pointed to 127.0.0.1 would be given the key.
 */
export function isFromHere(request: FastifyRequest): boolean {
  const name = (request.headers.host ?? "").replace(/:\d+$/, "");
  const site = request.headers["sec-fetch-site"] ?? "same-origin";
  return (
    loopbackAddress(request.socket.remoteAddress ?? "") &&
    loopbackNames.has(name) &&
    (site === "same-origin" || site === "none")
  );
}

/** Nothing from elsewhere, nothing inline; connections to this cell and to the servers' websockets only. */
const policy = (websockets: readonly string[]): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "font-src 'self'",
    `connect-src 'self' ${websockets.join(" ")}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");

const aYear = 31_536_000;

export function serveConsole(app: FastifyInstance, face: ConsoleFace): void {
  const headers = {
    "content-security-policy": policy(face.access.websockets),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
  };
  app.get("/", (_request, reply) => reply.redirect("/console/", 302));
  app.get("/console", (_request, reply) => reply.redirect("/console/", 302));
  app.get("/console/access", (request, reply) =>
    reply
      .headers({ ...headers, "cache-control": "no-store" })
      .send({ ...face.access, observerSeed: isFromHere(request) ? face.observerSeed : null }),
  );
  app.get<{ Params: { "*": string } }>("/console/*", (request, reply) => {
    void reply.headers(headers);
    if (face.files === null) {
      return reply
        .code(503)
        .type("text/plain")
        .send("The console is not built: node ops/console/build.mjs\n");
    }
    const name = request.params["*"];
    const file = face.files.get(name);
    // Any other address is a place within the page; a file that is gone is an error, not a page.
    const page = name.startsWith("assets/") ? undefined : face.files.get("index.html");
    const served = file ?? page;
    if (served === undefined) {
      return reply.code(404).send({
        code: "not_found",
        reason: `the console has no file ${name.slice(0, 128)}`,
        next: "reload the page: it is of another version than the cell",
      });
    }
    return sendFile(request, reply, served);
  });
}

function sendFile(request: FastifyRequest, reply: FastifyReply, file: ConsoleFile): FastifyReply {
  void reply.headers({
    "cache-control": file.immutable ? `public, max-age=${aYear}, immutable` : "no-cache",
    etag: file.etag,
    vary: "accept-encoding",
  });
  if (request.headers["if-none-match"] === file.etag) return reply.code(304).send();
  const accepted = request.headers["accept-encoding"] ?? "";
  void reply.type(file.type);
  if (/\bbr\b/.test(accepted)) return reply.header("content-encoding", "br").send(file.brotli);
  if (/\bgzip\b/.test(accepted)) return reply.header("content-encoding", "gzip").send(file.gzip);
  return reply.send(file.body);
}
