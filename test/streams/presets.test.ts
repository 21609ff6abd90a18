import { expect, it } from 'vitest';
import { presetNames as encoderPresets } from '../../src/media-service/encoder/presets.ts';
import { presetNames } from '../../src/streams/presets.ts';

it('the workflow accepts the presets that the encoder knows, and no others', () => {
  expect([...presetNames].sort()).toEqual([...encoderPresets].sort());
});
