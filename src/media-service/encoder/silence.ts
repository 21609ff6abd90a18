import { writeFragment } from '../boxes/write-fragment.ts';
import { uint32 } from '../boxes/boxes.ts';
import type { TrackFragment, TrackHeader } from './track-part.ts';

/** Samples that a frame of AAC-LC gives. */
export const aacFrame = 1024;
/** `sample_depends_on` 2: on no other (ISO/IEC 14496-12, 8.6.4.3). */
const dependsOnNone = 0x2000000;
/** Frames of a fragment: some two seconds at 48 kHz, as the others have. */
const framesPerFragment = 94;
/** Sound ends some samples before or after the picture in most files; a player passes over less than this, in seconds. */
export const leastDifference = 0.5;
/**
 * A stereo frame of silence (ISO/IEC 14496-3, raw_data_block: a channel pair element with no spectral data, and the
 * end). Which frame comes before it does not matter.
 */
const silentFrame = Buffer.from('210049900219002380', 'hex');

/**
 * The fragments of a stereo AAC-LC track, and silence after them until the picture ends: a player stops where one of
 * its tracks does. What a file says of its durations is not asked: few containers say anything, and some lie.
 * @param pictureEnd seconds; called when the sound has ended, answers when the picture has
 */
export async function* withSilence(
  sound: AsyncIterable<TrackHeader | TrackFragment>,
  pictureEnd: () => Promise<number>,
): AsyncGenerator<TrackHeader | TrackFragment> {
  let timescale = 1;
  let fragments = 0;
  let end = 0;
  for await (const part of sound) {
    if (part.kind === 'header') {
      timescale = part.timescale;
    } else {
      fragments += 1;
      end = part.start + part.duration;
    }
    yield part;
  }
  if (fragments === 0) return;
  const missing = (await pictureEnd()) * timescale - end;
  if (missing < leastDifference * timescale) return;
  yield* silentFragments(fragments + 1, end, Math.round(missing / aacFrame) * aacFrame);
}

/**
 * Fragments of stereo AAC-LC without sound, `duration` samples long to the sample: their last frame lasts longer or
 * shorter than the others. None when half a frame or less is wanted.
 */
export function* silentFragments(
  sequenceNumber: number,
  start: number,
  duration: number,
): Generator<TrackFragment> {
  let frames = duration > aacFrame / 2 ? Math.max(1, Math.floor(duration / aacFrame)) : 0;
  let rest = duration;
  for (let sequence = sequenceNumber; frames > 0; sequence += 1, frames -= framesPerFragment) {
    const whole = frames > framesPerFragment ? framesPerFragment * aacFrame : rest;
    yield silentFragment(sequence, start + duration - rest, Math.min(frames, framesPerFragment), whole);
    rest -= whole;
  }
}

function silentFragment(
  sequenceNumber: number,
  start: number,
  frames: number,
  duration: number,
): TrackFragment {
  const data = Buffer.concat(Array.from({ length: frames }, () => silentFrame));
  const samples = Array.from({ length: frames }, (_, frame) => ({
    duration: frame < frames - 1 ? aacFrame : duration - (frames - 1) * aacFrame,
    size: silentFrame.length,
    flags: dependsOnNone,
    compositionOffset: 0,
    position: 0,
  }));
  return {
    kind: 'fragment',
    start,
    duration,
    bytes: [
      writeFragment({ sequenceNumber, decodeTime: start, samples }),
      uint32(data.length + 8),
      Buffer.from('mdat'),
      data,
    ],
  };
}
