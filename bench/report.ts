import type { Result, WorkResult } from './benchmark.ts';

/** The figures of one work as a table for people. */
export function tableOf({ work, unit, note, results }: WorkResult): string {
  const rows = [
    ['', `median ${unit}`, 'ratio', 'peak MiB', 'rounds'],
    ...results.map((result) => [result.contender, ...cellsOf(result)]),
  ];
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  const skipped = results.flatMap(({ contender, skipped: why }) =>
    why === undefined ? [] : [`  ${contender}: skipped, ${why}`],
  );
  return [work, ...lines.map((line) => `  ${line}`), ...skipped, ...(note === undefined ? [] : [`  ${note}`])]
    .join('\n')
    .concat('\n');
}

function cellsOf({ median, ratio, peakMemory, values }: Result): string[] {
  return [
    median === undefined ? '-' : median.toFixed(median < 100 ? 2 : 0),
    ratio === undefined ? '-' : `×${ratio.toFixed(2)}`,
    peakMemory === undefined ? '-' : (peakMemory / 2 ** 20).toFixed(0),
    values.map((value) => value.toFixed(value < 100 ? 1 : 0)).join(' '),
  ];
}
