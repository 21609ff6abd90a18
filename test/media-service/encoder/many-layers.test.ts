import { afterAll, beforeAll, expect, test } from 'vitest';
import { startEncoderKit, type EncoderKit } from './encoder-kit.ts';

let kit: EncoderKit;
const warnings: Error[] = [];
const remember = (warning: Error): void => void warnings.push(warning);

beforeAll(async () => {
  process.on('warning', remember);
  kit = await startEncoderKit();
  kit.start();
});
afterAll(async () => {
  process.off('warning', remember);
  await kit.close();
});

test('as many layers as a preset may have, and sound, are no leak of listeners', async () => {
  const file = await kit.make(
    'layers.mp4',
    ...[
      '-f',
      'lavfi',
      '-i',
      'testsrc2=size=320x180:rate=10:duration=2,noise=alls=80:allf=t',
      '-f',
      'lavfi',
      '-i',
      'sine=duration=2',
    ],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-qp', '1', '-pix_fmt', 'yuv420p', '-c:a', 'aac'],
  );
  const layers = Array.from({ length: 10 }, (_, index) => ({
    Width: 64,
    Height: 36,
    Bitrate: Math.round(2000 * 0.7 ** index),
  }));
  const preset = { Codecs: [{ Type: 'H264Video', H264Layers: layers }] };
  const { outcome, videos } = await kit.encode(file, JSON.stringify(preset));
  expect(outcome.state).toBe('finished');
  expect(videos).toHaveLength(10);
  expect(warnings).toEqual([]);
});
