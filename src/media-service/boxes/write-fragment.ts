import { int32, makeBox, makeFullBox, uint32, uint64 } from './boxes.ts';
import { trackFragment, trackRun, type Fragment } from './fragment.ts';
import { MalformedMediaError } from './malformed-media.ts';

/**
 * Writes a `moof` whose data follows in the next box (`mdat` with a header of 8 bytes): base is the moof, `trun`
 * version 1, what all samples share stands in the `tfhd` (CMAF, ISO/IEC 23000-19, 7.5.17: self-contained).
 * @throws MalformedMediaError without samples
 */
export function writeFragment({ sequenceNumber, decodeTime, samples }: Fragment): Buffer {
  const [first, second = first] = samples;
  if (first === undefined || second === undefined) throw new MalformedMediaError('A fragment needs samples.');
  const sameDuration = samples.every(({ duration }) => duration === first.duration);
  const sameFlags = samples.every(({ flags }, index) => index === 0 || flags === second.flags);
  const hasOffsets = samples.some(({ compositionOffset }) => compositionOffset !== 0);

  const tfhd = makeFullBox(
    'tfhd',
    0,
    trackFragment.baseIsMoof |
      (sameDuration ? trackFragment.defaultDuration : 0) |
      (sameFlags ? trackFragment.defaultFlags : 0),
    uint32(1, ...(sameDuration ? [first.duration] : []), ...(sameFlags ? [second.flags] : [])),
  );
  const tfdt = makeFullBox('tfdt', 1, 0, uint64(decodeTime));
  const firstFlagsDiffer = sameFlags && first.flags !== second.flags;
  const runFlags =
    trackRun.dataOffset |
    (firstFlagsDiffer ? trackRun.firstFlags : 0) |
    (sameDuration ? 0 : trackRun.duration) |
    trackRun.size |
    (sameFlags ? 0 : trackRun.flags) |
    (hasOffsets ? trackRun.compositionOffset : 0);
  const run = (dataOffset: number): Buffer =>
    makeFullBox(
      'trun',
      1,
      runFlags,
      uint32(samples.length),
      int32(dataOffset),
      ...(firstFlagsDiffer ? [uint32(first.flags)] : []),
      ...samples.map((sample) =>
        Buffer.concat([
          uint32(
            ...(sameDuration ? [] : [sample.duration]),
            sample.size,
            ...(sameFlags ? [] : [sample.flags]),
          ),
          ...(hasOffsets ? [int32(sample.compositionOffset)] : []),
        ]),
      ),
    );
  const moof = (dataOffset: number): Buffer =>
    makeBox(
      'moof',
      makeFullBox('mfhd', 0, 0, uint32(sequenceNumber)),
      makeBox('traf', tfhd, tfdt, run(dataOffset)),
    );
  return moof(moof(0).length + 8);
}
