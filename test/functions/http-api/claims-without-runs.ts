import { expect, it } from 'vitest';
import { requestHash } from '../../../src/streams/request-hash.ts';
import type { RunId, StreamId } from '../../../src/streams/stream-id.ts';
import type { ApiUnderTest } from './api-under-test.ts';

/** Operations whose claim is all there is of them, or not even that. */
export function claimsWithoutRuns(started: () => ApiUnderTest): void {
  it('makes the start of a claim good whose starter died, when its operation is asked for', async () => {
    const { claims } = started().both.dependencies;
    const runId = '00000000000000aa' as RunId;
    const subject = 'left' as StreamId;
    const operation = `/api/operations/${subject}-${runId}`;
    const input = {
      run: { streamId: subject, runId },
      source: 'a',
      input: { assetId: await started().upload('film.mp4') },
      requestHash: 'left',
      preset: 'Adaptive Streaming',
      patience: { source: 1, target: 1, job: 1 },
      resumes: false,
    };
    const claimed = { subject, runId, kind: 'publish', requestHash: 'left', publishHash: 'left' } as const;
    const fresh = { ...claimed, input, started: false, claimedAt: Date.now() };
    await claims.insert(fresh, undefined);
    // It may start it still.
    expect(await started().call('GET', operation)).toMatchObject({
      status: 200,
      json: { step: 'start', percent: 0 },
    });
    expect(await started().call('POST', `${operation}/cancel`)).toMatchObject({
      status: 409,
      json: { code: 'not-running' },
    });
    await claims.replace(
      (await claims.read(subject))!,
      { ...fresh, claimedAt: Date.now() - 60_000 },
      undefined,
    );
    expect(await started().app.follow(`${subject}-${runId}`)).toMatchObject({
      status: 'succeeded',
      kind: 'publish',
    });
  });

  it('knows no operation of a claim that re-sync did not come to start', async () => {
    const runId = '00000000000000ab' as RunId;
    const subject = 'left-by-re-sync' as StreamId;
    const hash = requestHash({ replicate: subject, by: 'resync' });
    const claimed = { subject, runId, kind: 'replicate', requestHash: hash, publishHash: undefined } as const;
    const claimedAt = Date.now() - 60_000;
    await started().both.dependencies.claims.insert(
      { ...claimed, input: {}, started: false, claimedAt },
      undefined,
    );
    expect(await started().call('GET', `/api/operations/${subject}-${runId}`)).toMatchObject({ status: 404 });
  });

  it('knows no operation that was never started', async () => {
    for (const id of ['hello-0000000000000000', 'nonsense', '..%2f..']) {
      expect(await started().call('GET', `/api/operations/${id}`)).toMatchObject({
        status: 404,
        json: { code: 'not-found' },
      });
    }
  });
}
