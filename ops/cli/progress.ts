/** A progress bar on the terminal of people; nothing where the output is not one. */
export interface Progress {
  rows(done: number): void;
  end(): void;
}

const REDRAW_MS = 100;
const BAR_WIDTH = 30;

export function progressBar(label: string, total: number): Progress {
  const terminal = process.stderr;
  if (!terminal.isTTY || total === 0) return { rows: () => {}, end: () => {} };
  const started = performance.now();
  let drawn = 0;
  const draw = (done: number): void => {
    const share = Math.min(1, done / total);
    const filled = Math.round(share * BAR_WIDTH);
    const rate = Math.round(done / Math.max(0.001, (performance.now() - started) / 1000));
    const bar = "#".repeat(filled).padEnd(BAR_WIDTH, ".");
    const percent = String(Math.floor(share * 100)).padStart(3);
    terminal.write(`\r\u001b[K${label} [${bar}] ${percent} %  ${done}/${total} rows  ${rate}/s`);
  };
  return {
    rows(done) {
      const now = performance.now();
      if (now - drawn < REDRAW_MS) return;
      drawn = now;
      draw(done);
    },
    end() {
      terminal.write("\r\u001b[K");
    },
  };
}
