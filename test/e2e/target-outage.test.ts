/** Data center B is lost while streams are published in A, for a while and for long (check 5). */
import { expect, test, vi } from 'vitest';
import { commandStack } from '../../src/cli/stack-control.ts';
import { publishedStack } from './published-stack.ts';
import { ended, expectPublishedOnce, submit, uploadFile } from './publishing.ts';

const published = publishedStack('target-outage', {
  environment: { RESYNC_SCHEDULE: '*/3 * * * * *', TARGET_PATIENCE_MINUTES: '1' },
});

async function begin(streamId: string): Promise<string> {
  const { stack, clip } = published;
  const input = { assetId: await uploadFile(stack, 'clip.mp4', clip) };
  const { status, body } = await submit(stack, streamId, input);
  expect({ status, body }).toMatchObject({ status: 202 });
  return body['operationId'] as string;
}

// One test: a minute is the least patience there is.
test(
  'a run waits for B; B lost for long leaves its stream published in A, until the timer protects it',
  { timeout: 300_000 },
  async () => {
    const { stack, dataDirectory } = published;
    await commandStack({ command: 'start-outage', dataCenter: 'b', how: 'kill' }, dataDirectory);
    const long = await ended(stack, await begin('long'), 150_000);
    expect(long, JSON.stringify(long.error)).toMatchObject({
      status: 'succeeded',
      result: { protected: false },
    });
    const { urls } = long.result as { urls: { a: { hls: string } } };
    expect((await fetch(urls.a.hls)).status).toBe(200);

    const short = await begin('short');
    await vi.waitUntil(
      async () => (await stack.api('GET', `/api/operations/${short}`)).body['step'] === 'replicateAsset',
      { timeout: 60_000, interval: 50 },
    );
    await commandStack({ command: 'end-outage', dataCenter: 'b' }, dataDirectory);
    expect(await ended(stack, short)).toMatchObject({ status: 'succeeded', result: { protected: true } });

    // Nobody asks for it: only the timer is left to do it.
    const repairedBy = await vi.waitUntil(
      async () => {
        const { body } = await stack.api('GET', '/api/streams/long');
        return body['protected'] === true ? (body['operationId'] as string) : undefined;
      },
      { timeout: 120_000, interval: 200 },
    );
    expect(repairedBy).not.toBe(long.operationId);
    expect(await ended(stack, repairedBy)).toMatchObject({
      status: 'succeeded',
      result: { protected: true },
    });
    for (const streamId of ['short', 'long']) await expectPublishedOnce(stack, streamId);
  },
);
