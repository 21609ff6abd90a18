import { readFile } from 'node:fs/promises';
import { expect, vi } from 'vitest';
import { LocatorType, type Locator } from '../../src/media-service/model.ts';
import { dataCenterKeys, type DataCenterKey } from '../../src/streams/data-center.ts';
import type { ApiAnswer, StartedStack } from './local-stack.ts';

export interface EndedOperation {
  readonly operationId: string;
  readonly status: string;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly code: string; readonly message: string; readonly retriable: boolean };
}

/** Uploads bytes as an input; answers the asset's id. */
export async function upload(stack: StartedStack, name: string, content: Buffer): Promise<string> {
  const { status, body } = await stack.api('POST', '/api/uploads', { fileName: name });
  expect(status).toBe(201);
  const put = await fetch(body['uploadUrl'] as string, {
    method: 'PUT',
    headers: { 'x-ms-blob-type': 'BlockBlob' },
    body: new Uint8Array(content),
  });
  expect(put.status).toBe(201);
  return body['assetId'] as string;
}

export async function uploadFile(stack: StartedStack, name: string, file: string): Promise<string> {
  return await upload(stack, name, await readFile(file));
}

export function submit(stack: StartedStack, streamId: string, input: unknown): Promise<ApiAnswer> {
  return stack.api('POST', '/api/streams', { streamId, source: 'a', input });
}

/** Waits until an operation has ended. */
export async function ended(
  stack: StartedStack,
  operationId: string,
  timeout = 60_000,
): Promise<EndedOperation> {
  return await vi.waitUntil(
    async () => {
      const { body } = await stack.api('GET', `/api/operations/${operationId}`);
      return body['status'] === 'running' ? undefined : (body as unknown as EndedOperation);
    },
    { timeout, interval: 100 },
  );
}

/** Submits and waits until it has ended. */
export async function publish(
  stack: StartedStack,
  streamId: string,
  input: unknown,
): Promise<EndedOperation> {
  const { status, body } = await submit(stack, streamId, input);
  expect({ status, body }).toMatchObject({ status: 202 });
  return await ended(stack, body['operationId'] as string);
}

/** Every locator of a data center. */
export async function locatorsIn(
  stack: StartedStack,
  dataCenter: DataCenterKey,
): Promise<readonly Locator[]> {
  const media = await stack.media(dataCenter);
  const found: Locator[] = [];
  for await (const asset of media.assets()) found.push(...(await media.locators(asset.Id)));
  return found;
}

/**
 * Asserts that a stream is on both sides once, under one locator id, and that no SAS locator is left.
 * @param uploads assets that were offered for an upload and never published: theirs live on until they expire
 */
export async function expectPublishedOnce(
  stack: StartedStack,
  streamId: string,
  uploads: readonly string[] = [],
): Promise<void> {
  const locatorIds = [];
  for (const key of dataCenterKeys) {
    const media = await stack.media(key);
    const assets = await media.assetsByAlternateId(streamId);
    expect(assets, `published assets in ${key}`).toHaveLength(1);
    const locators = await media.locators(assets[0]!.Id);
    expect(
      locators.map(({ Type }) => Type),
      `locators in ${key}`,
    ).toEqual([LocatorType.OnDemandOrigin]);
    locatorIds.push(locators[0]!.Id);
    const left = (await locatorsIn(stack, key)).filter(
      ({ Type, AssetId }) => Type === LocatorType.Sas && !uploads.includes(AssetId),
    );
    expect(left, `SAS locators left in ${key}`).toEqual([]);
  }
  expect(locatorIds[0]).toBe(locatorIds[1]);
}
