import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import {
  makeClip,
  removeFolder,
  reservePorts,
  startStack,
  temporaryFolder,
  type Report,
  type StartedStack,
} from './local-stack.ts';

/** A stack in a folder of its own, in which a clip is published. All is there once the tests run. */
export interface PublishedStack {
  readonly folder: string;
  readonly dataDirectory: string;
  readonly clip: string;
  readonly stack: StartedStack;
  readonly report: Report;
}

export interface PublishedStackOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly clip?: { readonly name?: string; readonly seconds?: number };
}

/** Gives all tests of a file one stack, started before them and stopped after them. */
export function publishedStack(name: string, options: PublishedStackOptions = {}): PublishedStack {
  const { environment = {}, clip: { name: clipName = 'clip.mp4', seconds = 1 } = {} } = options;
  const published: { -readonly [Key in keyof PublishedStack]?: PublishedStack[Key] } = {};
  beforeAll(async () => {
    const folder = await temporaryFolder(name);
    const dataDirectory = join(folder, 'data');
    const clip = join(folder, clipName);
    await makeClip(clip, seconds);
    await reservePorts(dataDirectory);
    const stack = startStack({ dataDirectory, parameters: ['--input', clip], environment });
    Object.assign(published, { folder, dataDirectory, clip, stack });
    published.report = await stack.report;
    expect(published.report).toMatchObject({ status: 'succeeded', protected: true });
  });
  afterAll(async () => {
    await published.stack?.stop();
    if (published.folder !== undefined) await removeFolder(published.folder);
  });
  return published as PublishedStack;
}
