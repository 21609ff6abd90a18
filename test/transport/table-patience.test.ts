import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { TableClient } from '@azure/data-tables';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { storageTrouble } from '../../src/media-service/store/errors.ts';
import { StorageUnavailableError } from '../../src/media-service/errors.ts';
import { tablePatience } from '../../src/transport/table-patience.ts';

let server: Server;
let asked: number;
let answer: (response: ServerResponse) => void;

beforeEach(async () => {
  asked = 0;
  server = createServer((_request, response) => {
    asked += 1;
    answer(response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
});

const table = (milliseconds: number): TableClient =>
  new TableClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 'rows', {
    ...tablePatience(milliseconds),
    retryOptions: { maxRetries: 2, retryDelayInMs: 1 },
    allowInsecureConnection: true,
  });

const row = JSON.stringify({ PartitionKey: 'p', RowKey: 'r', Text: 'here' });
const head = (response: ServerResponse): ServerResponse =>
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': row.length });

describe('a table that does not answer', () => {
  it.each([
    ['before the head of its answer', () => undefined],
    ['within its answer', (response: ServerResponse) => void head(response).write(row.slice(0, 10))],
  ])('is given up %s, after some tries, as trouble of the storage', async (_when, hang) => {
    answer = hang;
    const error: unknown = await table(100)
      .getEntity('p', 'r')
      .catch((thrown: unknown) => thrown);
    expect(asked).toBe(3);
    expect(storageTrouble(error)).toBeInstanceOf(StorageUnavailableError);
  });

  it('is asked again, and answers then', async () => {
    answer = (response) => {
      if (asked > 1) head(response).end(row);
    };
    expect(await table(2000).getEntity('p', 'r')).toMatchObject({ Text: 'here' });
    expect(asked).toBe(2);
  });
});

describe('a caller that goes', () => {
  it('is told of its own abort, and nothing is tried again', async () => {
    const caller = new AbortController();
    answer = () => caller.abort();
    const asking = table(60_000).getEntity('p', 'r', { abortSignal: caller.signal });
    await expect(asking).rejects.toMatchObject({ name: 'AbortError' });
    expect(asked).toBe(1);
  });
});
