import { expect, it } from 'vitest';
import { toOutcome } from '../../src/activities/activities.ts';
import { tellFailure } from '../../src/activities/failures.ts';
import { canceledError, RetriableError } from '../../src/streams/errors.ts';
import type { EventProperties } from '../../src/telemetry.ts';

/** What is told of a step that throws this. */
async function told(error: Error): Promise<unknown[]> {
  const events: unknown[] = [];
  const note = (level: string) => (name: string, facts: EventProperties) => events.push([level, name, facts]);
  const telemetry = { event: note('event'), problem: note('problem'), flush: () => Promise.resolve() };
  const input = { run: { streamId: 'film', runId: '0' }, side: 'b' };
  const failing = () => Promise.reject(error);
  await toOutcome(failing, (failure, thrown) => tellFailure(telemetry, 'readSas', input, failure, thrown));
  return events;
}

it('a failure that may pass is told at once, not only when its run gives up', async () => {
  const failure = { code: 'media-service-unreachable', message: 'No answer.', retriable: true };
  expect(await told(new RetriableError('media-service-unreachable', 'No answer.'))).toEqual([
    ['event', 'StepFailed', { streamId: 'film', runId: '0', step: 'readSas', ...failure }],
  ]);
});

it('a fault of this program is told as a problem, with where it comes from and without a signature', async () => {
  const events = await told(new TypeError('No path in https://x.example/?sig=c2VjcmV0'));
  expect(events).toMatchObject([
    [
      'problem',
      'StepFailed',
      { code: 'internal', origin: expect.stringContaining('failures.test.ts') as string },
    ],
  ]);
  expect(JSON.stringify(events)).not.toContain('c2VjcmV0');
});

it('a step that hears of a cancel has not failed', async () => {
  expect(await told(canceledError())).toEqual([]);
});
