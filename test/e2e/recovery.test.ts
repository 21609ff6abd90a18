/** kill -9 in the middle of a run (check 4): a sample; test/soak has every step. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeClip, removeFolder, startStack, temporaryFolder, type StartedStack } from './local-stack.ts';
import { publishThroughKill, sampleOfKills } from './recovery.ts';

/** RECOVERY_SEED=n chooses other steps. */
const seed = Number(process.env['RECOVERY_SEED'] ?? 1);

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

test.each(sampleOfKills(seed))(
  'completes, nothing doubled, when $victim is killed at $step',
  { timeout: 300_000 },
  async (kill) => {
    await publishThroughKill(stack, clip, kill);
  },
);
