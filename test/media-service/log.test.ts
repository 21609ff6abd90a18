import { expect, test } from 'vitest';
import { createLog } from '../../src/media-service/log.ts';

test('an error is told with its causes, and without addresses, signatures and requests', () => {
  const lines: string[] = [];
  const log = createLog('mediaa', { write: (line) => void lines.push(line) });
  const refused = Object.assign(
    new Error('PUT https://mediaa.blob.local/c?sig=secret failed: sig=secret&se=1'),
    {
      statusCode: 503,
      request: { headers: { authorization: 'SharedKey secret' } },
    },
  );
  log.error({ err: new Error('The output could not be written.', { cause: refused }) }, 'Failed');

  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0]!)).toMatchObject({
    program: 'media-service',
    account: 'mediaa',
    msg: 'Failed',
    err: {
      message: 'The output could not be written.',
      cause: { name: 'Error', message: 'PUT (address) failed: sig=(secret)&se=1', status: 503 },
    },
  });
  expect(lines[0]).not.toContain('=secret');
  expect(lines[0]).not.toContain('SharedKey');
});

test('an error that is its own cause is told, too', () => {
  const lines: string[] = [];
  const error = new Error('Round and round.');
  error.cause = error;
  createLog('mediaa', { write: (line) => void lines.push(line) }).warn({ err: error }, 'Failed');
  expect(JSON.parse(lines[0]!)).toMatchObject({ err: { message: 'Round and round.' } });
});
