import { expect, test } from 'vitest';
import { hasHttpTables } from '../../src/config/table-endpoint.ts';

test.each([
  ['UseDevelopmentStorage=true', true],
  ['DefaultEndpointsProtocol=http;AccountName=a;AccountKey=k', true],
  ['AccountName=a;TableEndpoint=http://127.0.0.1:10002/a;', true],
  ['BlobEndpoint=http://127.0.0.1:10000/a;TableEndpoint=https://a.table.example;AccountName=a', false],
  ['DefaultEndpointsProtocol=https;AccountName=a;TableEndpoint=http://127.0.0.1:10002/a', true],
  ['DefaultEndpointsProtocol=https;AccountName=a;AccountKey=k;EndpointSuffix=core.windows.net', false],
  ['AccountName=a;AccountKey=k', false],
])('%s names http tables: %s', (connectionString, expected) => {
  expect(hasHttpTables(connectionString)).toBe(expected);
});
