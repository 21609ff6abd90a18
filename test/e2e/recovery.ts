import { expect, test, vi } from 'vitest';
import { commandStack } from '../../src/cli/stack-control.ts';
import { seeded } from '../seeded.ts';
import type { StartedStack } from './local-stack.ts';
import { publishedStack, type PublishedStack } from './published-stack.ts';
import { ended, expectPublishedOnce, submit, uploadFile } from './publishing.ts';

/** The steps of a run as `GET /api/operations/{id}` names them, in their order. */
const steps = [
  'findStream',
  'createAsset',
  'encode',
  'waitForJob',
  'publishAsset',
  'createOriginLocator',
  'readSas',
  'writeSas',
  'copyBlobs',
  'createFileInfos',
  'compare',
  'replicateLocator',
  'probeOrigin',
  'deleteLocators',
] as const;
export type Step = (typeof steps)[number];

const victims = ['functions', 'a', 'b'] as const;
export type Victim = (typeof victims)[number];

/** A program and the step at which it is killed. */
export interface Kill {
  readonly victim: Victim;
  readonly step: Step;
}

export const allKills: readonly Kill[] = victims.flatMap((victim) => steps.map((step) => ({ victim, step })));

/** A test of each kill, all on one stack. */
export function testKills(kills: readonly Kill[]): void {
  const published = publishedStack('recovery');
  test.each(kills)(
    'completes, nothing doubled, when $victim is killed at $step',
    { timeout: 300_000 },
    async (kill) => {
      const { seconds, seen } = await publishThroughKill(published, kill);
      console.log(`killed ${kill.victim} at ${seen}: done ${seconds.toFixed(1)} s later`);
    },
  );
}

/** Publishes a clip, kills a program when the run has come to a step, starts it again, and expects a whole stream. */
async function publishThroughKill(
  { stack, clip }: PublishedStack,
  { victim, step }: Kill,
): Promise<{ readonly seconds: number; readonly seen: string }> {
  const streamId = `kill-${victim}-${step}`;
  const assetId = await uploadFile(stack, 'clip.mp4', clip);
  const { body } = await submit(stack, streamId, { assetId });
  const operationId = body['operationId'] as string;
  const seen = await reached(stack, operationId, step);
  const begun = performance.now();
  const before = await pidOf(stack, victim);
  const told = stack.output().length;
  process.kill(before, 'SIGKILL');
  await vi.waitUntil(() => stack.output().slice(told).includes('ended (SIGKILL)'), { timeout: 10_000 });
  await commandStack({ command: 'restart', program: victim }, stack.dataDirectory);
  expect(await pidOf(stack, victim)).not.toBe(before);

  const operation = await ended(stack, operationId, 240_000);
  const seconds = (performance.now() - begun) / 1000;
  expect(operation, `killed ${victim} at ${seen}`).toMatchObject({
    status: 'succeeded',
    result: { protected: true },
  });
  await expectPublishedOnce(stack, streamId);
  const jobs = await (await stack.media('a')).jobsByName(operationId);
  expect(jobs, 'encoding jobs').toHaveLength(1);
  return { seconds, seen };
}

/** Waits until a run is at a step or, when that passed between two looks, after it. */
async function reached(stack: StartedStack, operationId: string, step: Step): Promise<string> {
  return await vi.waitUntil(
    async () => {
      const { body } = await stack.api('GET', `/api/operations/${operationId}`);
      const now = body['step'] as string;
      const passed = steps.indexOf(now as Step) >= steps.indexOf(step) || body['status'] !== 'running';
      return passed ? now : undefined;
    },
    { timeout: 120_000, interval: 10 },
  );
}

async function pidOf(stack: StartedStack, victim: Victim): Promise<number> {
  const { functions, dataCenters } = await stack.file();
  return victim === 'functions' ? functions!.pid : dataCenters[victim].pid;
}

/** One kill of each program, at steps that the seed chooses. */
export function sampleOfKills(seed: number): readonly Kill[] {
  const random = seeded(seed);
  return victims.map((victim) => ({ victim, step: steps[Math.floor(random() * steps.length)]! }));
}
