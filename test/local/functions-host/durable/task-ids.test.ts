import * as df from 'durable-functions';
import { describe, expect, it } from 'vitest';
import { runEpisode, type Episode } from '../../../../src/local/functions-host/durable/episode.ts';
import { eventTypes, type HistoryEvent } from '../../../../src/local/functions-host/durable/history.ts';
import { failure, type Message } from '../../../../src/local/functions-host/durable/messages.ts';
import { OpenTasks } from '../../../../src/local/functions-host/durable/open-tasks.ts';
import { seeded } from '../../../seeded.ts';
import { replay } from './orchestrator-functions.ts';

/**
 * Orchestrations made at random, whose tasks end in random order, several in one episode. Every call gives back its own
 * tag: a single task id that the host counts otherwise than `durable-functions` mixes up two results, or never ends.
 */
type Step =
  | ({ kind: 'call' } & Call)
  | ({ kind: 'child' } & Call)
  | { kind: 'timer'; tag: string; seconds: number }
  | { kind: 'all'; steps: Step[] }
  | { kind: 'any'; steps: Step[] };

interface Call {
  tag: string;
  failures: number;
  attempts: number;
}

function program(random: () => number): Step[] {
  let tags = 0;
  const leaf = (): Step => {
    const tag = `t${tags++}`;
    if (random() < 0.2) {
      // Some are longer than six days: those are made of pieces, each with an id of its own.
      return {
        kind: 'timer',
        tag,
        seconds: random() < 0.3 ? 86_400 * (5 + 10 * random()) : 1 + 100 * random(),
      };
    }
    const attempts = random() < 0.6 ? 1 + Math.floor(random() * 4) : 0;
    const failures = attempts === 0 ? 0 : Math.floor(random() * (attempts + 1));
    return { kind: random() < 0.3 ? 'child' : 'call', tag, failures, attempts };
  };
  const group = (): Step => ({
    kind: random() < 0.6 ? 'all' : 'any',
    steps: Array.from({ length: 1 + Math.floor(random() * 5) }, leaf),
  });
  return Array.from({ length: 2 + Math.floor(random() * 5) }, () => (random() < 0.4 ? leaf() : group()));
}

const orchestrator: df.OrchestrationHandler = function* (context) {
  const steps = context.df.getInput<{ steps: Step[] }>().steps;
  const taskOf = (step: Step): df.Task => {
    if (step.kind === 'timer') {
      return context.df.createTimer(new Date(context.df.currentUtcDateTime.getTime() + step.seconds * 1000));
    }
    if (step.kind === 'all' || step.kind === 'any') throw new Error('groups are not nested');
    const retry = step.attempts > 0 ? new df.RetryOptions(1000, step.attempts) : undefined;
    if (step.kind === 'call') {
      return retry === undefined
        ? context.df.callActivity('echo', step)
        : context.df.callActivityWithRetry('echo', retry, step);
    }
    return retry === undefined
      ? context.df.callSubOrchestrator('echo', step)
      : context.df.callSubOrchestratorWithRetry('echo', retry, step);
  };
  const results: unknown[] = [];
  for (const step of steps) {
    try {
      if (step.kind === 'any') {
        const tasks = step.steps.map(taskOf);
        const winner = (yield context.df.Task.any(tasks)) as df.Task;
        results.push({
          winner: step.steps[tasks.indexOf(winner)],
          result: winner.isFaulted ? 'failed' : winner.result,
        });
      } else if (step.kind === 'all') {
        const result: unknown = yield context.df.Task.all(step.steps.map(taskOf));
        results.push(result);
      } else {
        const result: unknown = yield taskOf(step);
        results.push(result);
      }
    } catch {
      results.push('failed');
    }
  }
  return { results };
};

/** Runs a program to its end, with a clock of its own, and gives what the orchestrator returned. */
async function runProgram(steps: Step[], random: () => number, rebuild: boolean): Promise<unknown[]> {
  const history: HistoryEvent[] = [];
  let tasks = new OpenTasks();
  let now = Date.UTC(2026, 0, 1);
  const failuresLeft = new Map<string, number>();
  let messages: Message[] = [];
  for (let round = 0; round < 1000; round++) {
    const episode: Episode | undefined = await runEpisode(
      { name: 'random', executionId: 'x', input: JSON.stringify({ steps }), version: undefined, tasks },
      {
        messages,
        now: new Date(now),
        functions: { activities: new Set(['echo']), orchestrators: new Set(['echo']) },
        defaultVersion: undefined,
        run: async (news) => {
          const events = [...history, ...news].map((event) => ({
            ...event,
            IsPlayed: history.includes(event),
          }));
          return replay(orchestrator, { instanceId: 'random', input: { steps } }, events);
        },
      },
    );
    if (episode !== undefined) {
      history.push(...episode.events);
      if (episode.end.kind === 'completed')
        return (JSON.parse(episode.end.output) as { results: unknown[] }).results;
      if (episode.end.kind !== 'waiting') throw new Error(JSON.stringify(episode.end));
    }
    if (rebuild) {
      tasks = new OpenTasks();
      for (const event of history) tasks.apply(event);
    }
    // Some of what is open ends, in any order; when nothing is, the clock goes on to the next timer.
    const calls = [...tasks.all()].filter((task) => task.kind !== 'timer');
    const ending = calls.filter(() => random() < 0.5).sort(() => random() - 0.5);
    messages = ending.map((task): Message => {
      const { tag, failures } = JSON.parse(task.input ?? '{}') as { tag: string; failures: number };
      const left = failuresLeft.get(tag) ?? failures;
      failuresLeft.set(tag, left - 1);
      const kind = task.kind === 'activity' ? 'taskResult' : 'subOrchestrationResult';
      const outcome =
        left > 0 ? failure('failed', 'failed') : { failed: false as const, result: JSON.stringify({ tag }) };
      return { kind, key: String(task.id), executionId: 'x', taskId: task.id, outcome };
    });
    now += 100 * random();
    if (calls.length === 0 || random() < 0.3) now = Math.max(now, tasks.nextTimer() ?? now);
  }
  throw new Error('It never ends: ' + JSON.stringify([...tasks.all()]));
}

function check(step: Step, result: unknown): void {
  if (step.kind === 'any') {
    const { winner, result: won } = result as { winner: Step; result: unknown };
    check(winner, won);
  } else if (step.kind === 'all') {
    if (result === 'failed') expect(step.steps.some(fails)).toBe(true);
    else step.steps.forEach((one, index) => check(one, (result as unknown[])[index]));
  } else if (step.kind === 'timer') {
    // A timer in pieces gives a list of nothings.
    expect([result].flat().every((one) => (one ?? null) === null)).toBe(true);
  } else expect(result).toEqual(fails(step) ? 'failed' : { tag: step.tag });
}

/** Whether a call fails as often as it is tried. */
function fails(step: Step): boolean {
  return (
    (step.kind === 'call' || step.kind === 'child') && step.attempts > 0 && step.failures >= step.attempts
  );
}

describe('task ids', () => {
  it.each(Array.from({ length: 150 }, (_, seed) => seed))(
    'agree with durable-functions, seed %i',
    async (seed) => {
      const random = seeded(seed);
      const steps = program(random);
      const results = await runProgram(steps, random, seed % 2 === 0);
      expect(results).toHaveLength(steps.length);
      steps.forEach((step, index) => check(step, results[index]));
    },
  );

  it('start anew with each execution', () => {
    const tasks = new OpenTasks();
    const base = { EventId: 0, Timestamp: new Date(0).toISOString(), Name: 'echo', Input: null };
    tasks.apply({ EventType: eventTypes.taskScheduled, ...base });
    expect(tasks.nextId).toBe(1);
    expect(new OpenTasks().nextId).toBe(0);
  });
});
