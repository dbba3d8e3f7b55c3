import { execFileSync } from "node:child_process";

/** Which functions call which, of object files of the native core, by their machine code (objdump, nm). */
export interface CallGraph {
  /** Callees of each function by its linker name; a name that is no key is from outside the files. */
  readonly calls: ReadonlyMap<string, ReadonlySet<string>>;
}

const mostBytes = 512 * 1024 * 1024;
const run = (program: string, ...given: readonly string[]): string =>
  execFileSync(program, given, { encoding: "utf8", maxBuffer: mostBytes });

const functionHead = /^[0-9a-f]+ <(.+)>:$/;
const relocation = /\sR_X86_64_\w+\s+(\S+?)([+-]0x[0-9a-f]+)?$/;
const jump = /\s(?:call|jmp|j[a-z]+)\s+[0-9a-f]+ <([^>+]+)(?:\+0x[0-9a-f]+)?>/;
/** What a relocation adds for the distance from its place to the next instruction. */
const behindOperand = 4;

interface Placed {
  readonly section: string;
  readonly from: number;
  readonly name: string;
}

/** Where functions begin, for relocations that name a section and a distance; and names of data. */
function symbolsOf(file: string): {
  readonly functions: readonly Placed[];
  readonly data: ReadonlySet<string>;
} {
  const functions: Placed[] = [];
  const data = new Set<string>();
  for (const line of run("objdump", "-t", file).split("\n")) {
    const found = /^([0-9a-f]{16}) .{6}([FO]) (\S+)\s+[0-9a-f]+ (?:\.hidden )?(\S+)$/.exec(line);
    const [, from = "", kind = "", section = "", name = ""] = found ?? [];
    if (kind === "F") functions.push({ section, from: Number.parseInt(from, 16), name });
    else if (kind === "O") data.add(name);
  }
  return { functions: functions.sort((one, other) => one.from - other.from), data };
}

function readObject(file: string, calls: Map<string, Set<string>>): void {
  const { functions, data } = symbolsOf(file);
  const targetOf = (symbol: string, addend: string | undefined): string | null => {
    if (!symbol.startsWith(".")) return symbol;
    if (!symbol.startsWith(".text")) return null;
    const at = Number.parseInt(addend ?? "0", 16) + behindOperand;
    return (
      functions.findLast(({ section, from }) => section === symbol && from <= at)?.name ?? null
    );
  };
  let own: Set<string> | null = null;
  for (const line of run("objdump", "-dr", "--no-show-raw-insn", file).split("\n")) {
    const name = functionHead.exec(line)?.[1];
    if (name !== undefined) {
      own = calls.get(name) ?? new Set();
      calls.set(name, own);
      continue;
    }
    if (own === null) continue;
    const [, symbol, addend] = relocation.exec(line) ?? [];
    const target = symbol === undefined ? jump.exec(line)?.[1] : targetOf(symbol, addend);
    if (target !== undefined && target !== null && !data.has(target)) own.add(target);
  }
}

export function callGraph(files: readonly string[]): CallGraph {
  const calls = new Map<string, Set<string>>();
  for (const file of files) readObject(file, calls);
  return { calls };
}

/** Names from outside that can be reached, each with a way to it from one of the roots. */
export function reachedOutside(
  { calls }: CallGraph,
  roots: readonly string[],
): ReadonlyMap<string, readonly string[]> {
  const cameFrom = new Map<string, string | null>(roots.map((root) => [root, null]));
  const outside = new Map<string, readonly string[]>();
  for (const name of cameFrom.keys()) {
    const callees = calls.get(name);
    if (callees === undefined) {
      const way: string[] = [];
      for (let at: string | null = name; at !== null; at = cameFrom.get(at) ?? null)
        way.unshift(at);
      outside.set(name, way);
      continue;
    }
    for (const callee of callees) if (!cameFrom.has(callee)) cameFrom.set(callee, name);
  }
  return outside;
}
