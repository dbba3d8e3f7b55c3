import type { ReadStream, WriteStream } from "node:tty";

const alternateScreen = "\u001b[?1049h";
const ordinaryScreen = "\u001b[?1049l";
const hideCursor = "\u001b[?25l";
const showCursor = "\u001b[?25h";
const eraseLine = "\u001b[K";
const eraseBelow = "\u001b[J";
const interrupt = "\u0003";

/**
 * A screen of a terminal of one's own, put back as it was when it closes, however the process ends.
 * Draws only the lines that have changed: a slow connection is not filled with what is there already.
 */
export class Screen {
  readonly #output: WriteStream;
  readonly #input: ReadStream;
  readonly #closed = Promise.withResolvers<void>();
  readonly #restore = (): void => this.close();
  #drawn: readonly string[] = [];
  #size = "";
  #open = false;

  constructor(output: WriteStream, input: ReadStream) {
    this.#output = output;
    this.#input = input;
  }

  /** Resolves when it is closed: by close(), Ctrl-C, a signal, or the end of the terminal. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  open(onKey: (key: string) => void): void {
    this.#open = true;
    this.#output.write(`${alternateScreen}${hideCursor}`);
    this.#input.setRawMode(true);
    this.#input.setEncoding("utf8");
    this.#input.on("data", (key: string | Buffer) => {
      if (String(key) === interrupt) this.close();
      else onKey(String(key));
    });
    this.#input.on("end", this.#restore);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
      process.on(signal, this.#restore);
    process.on("exit", this.#restore);
    this.#input.resume();
  }

  draw(frame: (width: number, height: number) => readonly string[]): void {
    if (!this.#open) return;
    const { columns, rows } = this.#output;
    const size = `${columns}x${rows}`;
    if (size !== this.#size) this.#drawn = [];
    this.#size = size;
    const lines = frame(columns, rows);
    let text = this.#drawn.length === 0 ? `\u001b[H${eraseBelow}` : "";
    for (const [index, line] of lines.entries()) {
      if (line !== this.#drawn[index]) text += `\u001b[${index + 1};1H${line}${eraseLine}`;
    }
    if (lines.length < this.#drawn.length) text += `\u001b[${lines.length + 1};1H${eraseBelow}`;
    this.#drawn = lines;
    if (text !== "") this.#output.write(text);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    process.off("exit", this.#restore);
    this.#input.setRawMode(false);
    this.#input.pause();
    this.#output.write(`${showCursor}${ordinaryScreen}`);
    this.#closed.resolve();
  }
}
