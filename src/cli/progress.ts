import { SingleBar } from 'cli-progress';
import type { WriteStream } from 'node:tty';

/** Where a piece of work is. */
export interface ProgressState {
  /** What is being done; a new label is a new step. */
  readonly label: string;
  /** 0 to 100; absent: not known. */
  readonly percent?: number | undefined;
  /** More, such as bytes. */
  readonly detail?: string | undefined;
}

export interface Progress {
  show(state: ProgressState): void;
  /** A line that stays. */
  line(text: string): void;
  /** Takes the bar away. */
  end(): void;
}

const labelWidth = 32;
/** A bar, its label and its detail need so many columns. */
const widthOfAll = 90;

/** Shows progress on a stream: one bar at a terminal, else a line at each step and each tenth of one. */
export function progressOn(stream: NodeJS.WriteStream): Progress {
  return stream.isTTY ? barOn(stream) : linesOn(stream);
}

function barOn(stream: WriteStream): Progress {
  let bar: SingleBar | undefined;
  const end = (): void => {
    bar?.stop();
    bar = undefined;
  };
  return {
    show({ label, percent, detail }) {
      if (bar === undefined) {
        bar = new SingleBar({
          stream,
          format:
            stream.columns < widthOfAll ? '{percentage}% {label}' : '{label} {bar} {percentage}% {detail}',
          barsize: 28,
          barCompleteChar: '█',
          barIncompleteChar: '░',
          clearOnComplete: true,
          linewrap: false,
          // Ctrl-C is the program's business.
          gracefulExit: false,
        });
        bar.start(100, 0, { label: fitted(label), detail: '' });
      }
      bar.update(Math.round(percent ?? 0), { label: fitted(label), detail: detail ?? '' });
    },
    line(text) {
      end();
      stream.write(`${text}\n`);
    },
    end,
  };
}

/** As wide as every other label, so that the bar stands still. */
function fitted(label: string): string {
  return label.length > labelWidth ? `${label.slice(0, labelWidth - 1)}…` : label.padEnd(labelWidth);
}

function linesOn(stream: NodeJS.WritableStream): Progress {
  let last = '';
  return {
    show({ label, percent, detail }) {
      const tenth = percent === undefined ? '' : String(Math.floor(percent / 10));
      const now = `${label} ${tenth}`;
      if (now === last) return;
      last = now;
      const parts = [label, percent === undefined ? '' : `${Math.floor(percent)}%`, detail ?? ''];
      stream.write(`${parts.filter((part) => part !== '').join(' ')}\n`);
    },
    line(text) {
      stream.write(`${text}\n`);
    },
    end: () => undefined,
  };
}

/** Bytes as people read them: `12.3 MB`. */
export function readableBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const power = bytes < 1000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), units.length - 1);
  const amount = bytes / 1000 ** power;
  return `${power === 0 ? amount : amount.toFixed(1)} ${units[power] ?? ''}`;
}
