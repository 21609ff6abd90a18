import { describe, expect, test } from 'vitest';
import { probeOutput, readSourceMedia } from '../../../src/media-service/encoder/source-media.ts';

const picture = {
  index: 0,
  codec_type: 'video',
  codec_name: 'h264',
  width: 1920,
  height: 1080,
  avg_frame_rate: '30/1',
  r_frame_rate: '30/1',
};
const sound = { index: 1, codec_type: 'audio', codec_name: 'aac', channels: 2, bit_rate: '128000' };

function read(streams: readonly object[], format: object = { duration: '10.0', bit_rate: '5000000' }) {
  return readSourceMedia(probeOutput.parse({ streams, format }), 'film.mp4');
}

describe('the frame rate', () => {
  test.each([
    ['an exact one', '25/1', '25/1', '25/1'],
    ['an average that is nearly a usual one', '2500/83', '30/1', '30/1'],
    ['film on television', '24000/1001', '24000/1001', '24000/1001'],
    ['a phone that left frames out', '369000/13657', '90000/2999', '30/1'],
    ['a base that is only the time base (WebM)', '30/1', '1000/1', '30/1'],
    ['no average, a time base for a base', '0/0', '1000/1', '30/1'],
    ['halved', '120/1', '120/1', '60/1'],
    ['halved to a usual one', '119.88/1', '120000/1001', '60000/1001'],
    ['twice halved', '240/1', '240/1', '60/1'],
    ['a slide show', '1/10', '1/10', '10/1'],
    ['one of its own', '15/1', '15/1', '15000/1000'],
  ])('%s', (_, average, base, expected) => {
    const { frameRate } = read([{ ...picture, avg_frame_rate: average, r_frame_rate: base }]).video;
    expect(`${frameRate.numerator}/${frameRate.denominator}`).toBe(expected);
  });
});

describe('the picture', () => {
  test.each([
    ['side data', { side_data_list: [{ rotation: -90 }] }],
    ['a tag of older ffprobes', { tags: { rotate: '270' } }],
  ])('turned by %s', (_, how) => {
    expect(read([{ ...picture, ...how }]).video).toMatchObject({ width: 1080, height: 1920 });
  });

  test('upside down keeps its size', () => {
    expect(read([{ ...picture, side_data_list: [{ rotation: 180 }] }]).video).toMatchObject({
      width: 1920,
      height: 1080,
    });
  });

  test.each([
    ['wide pixels', '16:11', 720, 576, 1047, 576],
    ['narrow pixels', '8:9', 720, 480, 720, 540],
    ['unknown pixels', '0:1', 720, 480, 720, 480],
  ])('%s', (_, ratio, width, height, squareWidth, squareHeight) => {
    const { video } = read([{ ...picture, width, height, sample_aspect_ratio: ratio }]);
    expect(video).toMatchObject({ width: squareWidth, height: squareHeight });
  });

  test('its bitrate is its own, or the file less its sound', () => {
    expect(read([{ ...picture, bit_rate: '4000000' }, sound]).video.bitrate).toBe(4_000_000);
    expect(read([picture, sound]).video.bitrate).toBe(4_872_000);
    expect(read([picture], {}).video.bitrate).toBeUndefined();
    expect(read([{ ...picture, codec_name: 'hevc', bit_rate: '2000000' }]).video.bitrate).toBe(3_000_000);
  });

  test.each([
    ['high definition in scope', { width: 1280, height: 544 }, 'bt709'],
    ['high definition, upright', { width: 720, height: 1280 }, 'bt709'],
    ['PAL', { width: 720, height: 576 }, 'bt470bg'],
    ['NTSC', { width: 720, height: 480 }, 'smpte170m'],
    ['what the file says', { width: 1920, height: 1080, color_space: 'smpte170m' }, 'smpte170m'],
    ['RGB', { pix_fmt: 'gbrp' }, 'rgb'],
  ])('its matrix: %s', (_, how, expected) => {
    expect(read([{ ...picture, ...how }]).video.matrix).toBe(expected);
  });

  test('too large a one is refused', () => {
    expect(() => read([{ ...picture, width: 20_000 }])).toThrow(/at most 8192/);
    expect(() => read([{ ...picture, width: 8192, height: 8192 }])).toThrow(/is 8192x8192; at most/);
    expect(read([{ ...picture, width: 8192, height: 4320 }]).video.coded).toEqual({
      width: 8192,
      height: 4320,
    });
  });
});

test('a recording that was never closed has no duration', () => {
  expect(read([picture], { duration: 'N/A' }).duration).toBeUndefined();
});

test('a stream that nothing can decode is passed over', () => {
  const spatial = { index: 1, codec_type: 'audio', channels: 4 };
  expect(read([picture, spatial, { ...sound, index: 2 }]).audio).toMatchObject({ index: 2 });
});

test.each([
  ['in MP4', { duration: '2.0' }, { duration: '5.5' }, 3.5],
  [
    'in Matroska',
    { duration: '3665.5', tags: { DURATION: '01:00:02.000000000' } },
    { tags: { DURATION: '01:01:05.500' } },
    63.5,
  ],
  ['not at all', { duration: '5.5' }, { duration: '2.0' }, 0],
  ['nobody knows how long', {}, { duration: '2.0' }, 0],
])('sound goes on after the picture, %s', (_, ofPicture, ofSound, expected) => {
  const streams = [
    { ...picture, ...ofPicture },
    { ...sound, ...ofSound },
  ];
  expect(read(streams, { format_name: 'mov,mp4' }).audio?.overhang).toBe(expected);
  expect(read(streams, { format_name: 'mpegts' }).audio?.overhang).toBe(0);
});

test.each([
  ['fra', 'fr'],
  ['ger', 'de'],
  ['pt-BR', 'pt-BR'],
  ['und', 'und'],
  ['not a language', 'und'],
])('the language of sound: %s', (stated, expected) => {
  expect(read([picture, { ...sound, tags: { language: stated } }]).audio?.language).toBe(expected);
});
