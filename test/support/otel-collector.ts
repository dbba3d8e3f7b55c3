import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { runProcess } from "../stages/process.ts";
import { eventually } from "./one-region.ts";
import { freePort } from "./prometheus.ts";
import { repository } from "./shared-data.ts";

/** A span as the collector tells of it. */
export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
}

const source = join(repository, "test", "observe", "collector");
const binary = join(repository, "build", "cache", "collector");
/** Several hundred packages, on a machine that has compiled none of them. */
const BUILD_LIMIT_MS = 3_600_000;

/** The collector's program, built from the modules that go.sum pins. Rejects with what the compiler said. */
export async function buildCollector(): Promise<void> {
  const run = await runProcess(
    "go",
    ["-C", source, "build", "-trimpath", "-o", binary, "."],
    BUILD_LIMIT_MS,
  );
  if (run.exitCode !== 0) throw new Error(`the collector was not built: ${run.output}`);
}

/** OpenTelemetry's collector, with its OTLP receiver on loopback; it writes down what it receives. */
export class OtelCollector {
  readonly url: string;
  readonly #process: ChildProcess;
  #printed = "";

  private constructor(port: number, process: ChildProcess) {
    this.url = `http://127.0.0.1:${port}/v1/traces`;
    this.#process = process;
    for (const stream of [process.stdout, process.stderr]) {
      stream?.on("data", (chunk: Buffer) => (this.#printed += chunk.toString()));
    }
  }

  static async start(folder: string): Promise<OtelCollector> {
    const port = await freePort();
    const file = join(folder, "collector.yaml");
    writeFileSync(
      file,
      `receivers:
  otlp:
    protocols:
      http:
        endpoint: 127.0.0.1:${port}
exporters:
  debug:
    verbosity: detailed
service:
  telemetry:
    metrics:
      level: none
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [debug]
`,
    );
    const collector = new OtelCollector(port, spawn(binary, ["--config", `file:${file}`]));
    await eventually("the collector is ready", () => {
      const { exitCode } = collector.#process;
      if (exitCode !== null) throw new Error(`it ended with ${exitCode}: ${collector.#printed}`);
      return Promise.resolve(collector.#printed.includes("Everything is ready") ? true : null);
    });
    return collector;
  }

  /** What has come so far. */
  spans(): readonly CollectedSpan[] {
    return collected(this.#printed);
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGTERM");
    await ended;
  }
}

/** Spans of the debug exporter's detailed text. */
export function collected(printed: string): readonly CollectedSpan[] {
  return printed
    .split(/^Span #\d+$/m)
    .slice(1)
    .map((text) => {
      const field = (name: string): string =>
        new RegExp(`^ *${name} *: *(.*)$`, "m").exec(text)?.[1]?.trim() ?? "";
      return {
        traceId: field("Trace ID"),
        spanId: field("ID"),
        parentSpanId: field("Parent ID"),
        name: field("Name"),
      };
    });
}
