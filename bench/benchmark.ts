/** What one run of a contender gave. */
export type Outcome =
  /** `value` in the work's unit; `peakMemory` of the contender's process in bytes, where the machine tells. */
  | { readonly value: number; readonly peakMemory?: number | undefined }
  /** It cannot do this work here, and why. */
  | { readonly skipped: string };

/** One way of doing a work: ours, or what a user would pick instead. */
export interface Contender {
  readonly name: string;
  run(): Promise<Outcome>;
}

/** One work that every contender does, in one run on one machine. The first contender is what the others are compared with. */
export interface Work {
  readonly title: string;
  readonly unit: 's' | 'requests/s' | 'ms';
  readonly contenders: readonly Contender[];
  /** What a reader must know to judge the figures. */
  readonly note?: string;
}

export interface BenchmarkOptions {
  /** Small amounts: shows that the benchmark works, not how fast anything is. */
  readonly quick: boolean;
}

export interface Prepared {
  readonly works: readonly Work[];
  /** Stops the servers and removes the data. */
  readonly close: () => Promise<void>;
}

/** One file of this folder: prepares its servers and data, once, and says what is to be measured. */
export interface Benchmark {
  /** What `--only` picks it by. */
  readonly name: string;
  readonly title: string;
  /** What the machine lacks to run any of it; undefined when it lacks nothing. */
  missing(): string | undefined;
  prepare(options: BenchmarkOptions): Promise<Prepared>;
}

export interface Result {
  readonly contender: string;
  /** In the work's unit, one a round. */
  readonly values: readonly number[];
  readonly median: number | undefined;
  /** How many times the first contender's median; undefined when either has none. */
  readonly ratio: number | undefined;
  /** Bytes, the highest of all rounds. */
  readonly peakMemory: number | undefined;
  readonly skipped: string | undefined;
}

export interface WorkResult {
  readonly benchmark: string;
  readonly work: string;
  readonly unit: Work['unit'];
  readonly note: string | undefined;
  readonly results: readonly Result[];
}

/**
 * Runs the contenders in turn, round by round, so that whatever else the machine does meets all of them. One that
 * skips is not asked again.
 */
export async function measure(
  benchmark: Benchmark,
  work: Work,
  rounds: number,
  onRun: (contender: string, round: number) => void,
): Promise<WorkResult> {
  const outcomes = work.contenders.map(() => [] as Outcome[]);
  for (let round = 1; round <= rounds; round += 1) {
    for (const [index, contender] of work.contenders.entries()) {
      const before = outcomes[index] ?? [];
      if (before.some((outcome) => 'skipped' in outcome)) continue;
      onRun(contender.name, round);
      before.push(await contender.run());
    }
  }
  const base = median(valuesOf(outcomes[0] ?? []));
  return {
    benchmark: benchmark.name,
    work: work.title,
    unit: work.unit,
    note: work.note,
    results: work.contenders.map(({ name }, index) => resultOf(name, outcomes[index] ?? [], base)),
  };
}

function resultOf(contender: string, outcomes: readonly Outcome[], base: number | undefined): Result {
  const values = valuesOf(outcomes);
  const middle = median(values);
  const peaks = outcomes.flatMap((outcome) =>
    'value' in outcome && outcome.peakMemory !== undefined ? [outcome.peakMemory] : [],
  );
  return {
    contender,
    values,
    median: middle,
    ratio: middle === undefined || base === undefined ? undefined : middle / base,
    peakMemory: peaks.length === 0 ? undefined : Math.max(...peaks),
    skipped: outcomes.flatMap((outcome) => ('skipped' in outcome ? [outcome.skipped] : []))[0],
  };
}

function valuesOf(outcomes: readonly Outcome[]): number[] {
  return outcomes.flatMap((outcome) => ('value' in outcome ? [outcome.value] : []));
}

function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((one, other) => one - other);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return low === undefined || high === undefined ? undefined : (low + high) / 2;
}
