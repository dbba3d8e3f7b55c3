/** Longest line that is read; a longer one is given as null. Covers a book file of 1,000 levels. */
export const MAXIMUM_LINE_BYTES = 65_536;

/** The UTF-8 byte order mark, as its bytes read one by one. */
const byteOrderMark = "\u00ef\u00bb\u00bf";

/**
 * Cuts bytes into lines ended by LF or CRLF (or by the end of the file). Memory stays bounded
 * whatever the input: of a line that is too long only its place is kept.
 */
export class LineSplitter {
  readonly #decoder = new TextDecoder("latin1");
  #rest = "";
  #skipping = false;
  #line = 0;

  /** Calls the sink with each complete line and its number (1, 2, …); null is a line too long. */
  push(chunk: Uint8Array, sink: (line: string | null, number: number) => void): void {
    const text = this.#decoder.decode(chunk, { stream: true });
    let start = 0;
    for (;;) {
      const end = text.indexOf("\n", start);
      if (end < 0) break;
      this.#finish(this.#rest + text.slice(start, end), sink);
      this.#rest = "";
      start = end + 1;
    }
    if (this.#skipping) return;
    this.#rest += text.slice(start);
    if (this.#rest.length > MAXIMUM_LINE_BYTES) {
      this.#rest = "";
      this.#skipping = true;
    }
  }

  /** The last line, when the file does not end with a line end. */
  end(sink: (line: string | null, number: number) => void): void {
    if (this.#rest !== "" || this.#skipping) this.#finish(this.#rest, sink);
    this.#rest = "";
  }

  #finish(text: string, sink: (line: string | null, number: number) => void): void {
    this.#line += 1;
    const tooLong = this.#skipping || text.length > MAXIMUM_LINE_BYTES;
    this.#skipping = false;
    const from = this.#line === 1 && text.startsWith(byteOrderMark) ? byteOrderMark.length : 0;
    sink(tooLong ? null : text.slice(from, text.endsWith("\r") ? -1 : undefined), this.#line);
  }
}
