/** kill -9 of each program at each step of a run (check 4), with figures. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  makeClip,
  removeFolder,
  startStack,
  temporaryFolder,
  type StartedStack,
} from '../e2e/local-stack.ts';
import { allKills, publishThroughKill } from '../e2e/recovery.ts';

let folder: string;
let clip: string;
let stack: StartedStack;

beforeAll(async () => {
  folder = await temporaryFolder('recovery');
  clip = join(folder, 'clip.mp4');
  await makeClip(clip, 1);
  stack = startStack({ dataDirectory: join(folder, 'data'), parameters: ['--input', clip] });
  expect(await stack.report).toMatchObject({ status: 'succeeded' });
});
afterAll(async () => {
  await stack.stop();
  await removeFolder(folder);
});

test.each(allKills)('completes, nothing doubled, when $victim is killed at $step', async (kill) => {
  const { seconds, seen } = await publishThroughKill(stack, clip, kill);
  console.log(`killed ${kill.victim} at ${seen}: done ${seconds.toFixed(1)} s later`);
});
