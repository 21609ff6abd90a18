import { Command, InvalidArgumentError } from 'commander';
import { measure, type Benchmark, type WorkResult } from './benchmark.ts';
import { copyBenchmark } from './copy.ts';
import { originBenchmark } from './origin.ts';
import { tableOf } from './report.ts';

const benchmarks: readonly Benchmark[] = [copyBenchmark, originBenchmark];

interface Options {
  readonly only?: readonly string[];
  readonly rounds: number;
  readonly quick?: boolean;
  readonly json?: boolean;
}

const command = new Command('bench')
  .description(
    'Measures this project beside what one would pick instead: the same work, in one run, the contenders in turn.\n' +
      'Figures are medians; a ratio above 1 means that many times the first line. What the machine lacks is skipped.',
  )
  .option(
    '--only <name>',
    `this benchmark; may be given again (${namesOf(benchmarks)}; default: all)`,
    collect,
  )
  .option('--rounds <n>', 'rounds of each work', positive, 3)
  .option('--quick', 'small amounts: shows that it works, not how fast it is')
  .option('--json', 'print the figures as one JSON line')
  .action(run);

await command.parseAsync();

async function run({ only = [], rounds, quick = false, json = false }: Options): Promise<void> {
  const unknown = only.filter((name) => !benchmarks.some((benchmark) => benchmark.name === name));
  if (unknown.length > 0) {
    command.error(`There is no benchmark ${unknown.join(', ')}; there are: ${namesOf(benchmarks)}`);
  }
  const tell = (text: string): void => void process.stderr.write(`${text}\n`);
  const results: WorkResult[] = [];
  for (const benchmark of benchmarks) {
    if (only.length > 0 && !only.includes(benchmark.name)) continue;
    const missing = benchmark.missing();
    if (missing !== undefined) {
      tell(`${benchmark.title}: skipped, ${missing}`);
      continue;
    }
    tell(`${benchmark.title}: preparing`);
    const { works, close } = await benchmark.prepare({ quick });
    try {
      for (const work of works) {
        const result = await measure(benchmark, work, rounds, (contender, round) =>
          tell(`${work.title}: ${contender}, round ${round} of ${rounds}`),
        );
        results.push(result);
        if (!json) process.stdout.write(`\n${tableOf(result)}\n`);
      }
    } finally {
      await close();
    }
  }
  if (json) process.stdout.write(`${JSON.stringify(results)}\n`);
}

function namesOf(list: readonly Benchmark[]): string {
  return list.map(({ name }) => name).join(', ');
}

function collect(name: string, before: readonly string[] = []): readonly string[] {
  return [...before, name];
}

function positive(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('It is a whole number from 1.');
  return number;
}
