import { describe, expect, test } from 'vitest';
import { planRenditions } from '../../../src/media-service/encoder/ladder.ts';
import { readPreset } from '../../../src/media-service/encoder/presets.ts';

/** `WxH@kbps` of each rendition. */
function plan(width: number, height: number, kbps?: number, preset = 'Adaptive Streaming'): string[] {
  const source = { width, height, bitrate: kbps === undefined ? undefined : kbps * 1000 };
  return planRenditions(readPreset(preset), source).map((r) => `${r.width}x${r.height}@${r.kbps}`);
}

const ladder1080 = [
  '1920x1080@6780',
  '1280x720@3520',
  '960x540@2210',
  '640x360@1150',
  '480x270@720',
  '320x180@380',
];

describe('Adaptive Streaming', () => {
  test.each([
    ['1080p', 1920, 1080, ladder1080],
    ['720p', 1280, 720, ['1280x720@2940', '960x540@1850', '640x360@960', '480x270@600', '320x180@320']],
    ['360p', 640, 360, ['640x360@700', '480x270@440', '320x180@230']],
    ['2160p, not above the ladder', 3840, 2160, ladder1080],
  ])('the reference ladder of %s', (_, width, height, expected) => {
    expect(plan(width, height)).toEqual(expected);
  });

  test('portrait turns the boxes', () => {
    expect(plan(1080, 1920)).toEqual(ladder1080.map((rung) => rung.replace(/(\d+)x(\d+)/, '$2x$1')));
  });

  test.each([
    ['wide', 1920, 804],
    ['narrow', 1080, 2400],
    ['odd', 853, 481],
    ['between two ladders', 1600, 900],
    ['square', 1000, 1000],
    ['a strip', 4000, 10],
    ['tiny', 160, 90],
    ['the smallest', 1, 1],
  ])('%s: even, no larger than the source or its box, of its shape', (_, width, height) => {
    const renditions = planRenditions(readPreset('Adaptive Streaming'), {
      width,
      height,
      bitrate: undefined,
    });
    expect(renditions.length).toBeGreaterThan(0);
    for (const rendition of renditions) {
      expect(rendition.width % 2).toBe(0);
      expect(rendition.height % 2).toBe(0);
      expect(rendition.width).toBeLessThanOrEqual(Math.max(2, width));
      expect(rendition.height).toBeLessThanOrEqual(Math.max(2, height));
      expect(Math.max(rendition.width, rendition.height)).toBeLessThanOrEqual(1920);
      expect(Math.min(rendition.width, rendition.height)).toBeLessThanOrEqual(1080);
      // At most two pixels are rounded away.
      expect(Math.abs(rendition.width - (rendition.height * width) / height)).toBeLessThanOrEqual(
        Math.max(2, (2 * width) / height),
      );
    }
    const sizes = renditions.map((rendition) => `${rendition.width}x${rendition.height}`);
    expect(new Set(sizes).size).toBe(sizes.length);
  });

  test.each([
    [854, 480, ['854x480', '640x360', '480x270', '320x180']],
    [1920, 800, ['1920x800', '1280x534', '960x400', '640x266', '480x200', '320x134']],
    [426, 240, ['426x240', '320x180']],
    [641, 361, ['640x360', '480x270', '320x180']],
  ])('%dx%d: the nearest even sizes', (width, height, expected) => {
    expect(plan(width, height).map((rendition) => rendition.split('@')[0])).toEqual(expected);
  });

  test('a picture below the smallest rung gives one rendition of its own size', () => {
    expect(plan(160, 90)).toEqual(['160x90@81']);
  });

  test('no rendition has a higher bitrate than the source, and none is nearly another', () => {
    expect(plan(1920, 1080, 3000)).toEqual([
      '1920x1080@3000',
      '960x540@2210',
      '640x360@1150',
      '480x270@720',
      '320x180@380',
    ]);
    expect(plan(1280, 720, 500)).toEqual(['1280x720@500', '320x180@320']);
  });
});

describe('other presets', () => {
  test('H264 Multiple Bitrate 1080p', () => {
    expect(plan(1920, 1080, undefined, 'H264 Multiple Bitrate 1080p')).toEqual([
      ...['1920x1080@6000', '1920x1080@4700', '1280x720@3400', '960x540@2250', '960x540@1500'],
      ...['640x360@1000', '640x360@650', '320x180@400'],
    ]);
  });

  test('a preset as JSON', () => {
    const layers = [
      { Width: 320, Height: 180, Bitrate: 300 },
      { Width: 640, Height: 360, Bitrate: 900 },
    ];
    const json = JSON.stringify({
      Version: 1.0,
      Codecs: [
        { KeyFrameInterval: '00:00:02', H264Layers: layers, Type: 'H264Video' },
        { Profile: 'AACLC', Channels: 2, SamplingRate: 48000, Bitrate: 96, Type: 'AACAudio' },
      ],
      Outputs: [{ FileName: '{Basename}.mp4', Format: { Type: 'MP4Format' } }],
    });
    expect(plan(1920, 1080, undefined, json)).toEqual(['640x360@900', '320x180@300']);
    expect(readPreset(json).audioKbps).toBe(96);
  });

  test.each([
    ['H264 Multiple Bitrate 4K', /There is no preset "H264 Multiple Bitrate 4K".*"Adaptive Streaming"/],
    ['', /There is no preset "".*"Adaptive Streaming"/],
    ['{"Codecs"', /not valid JSON/],
    ['{"Codecs":[]}', /no "H264Video" codec/],
    [
      '{"Codecs":[{"Type":"H264Video","H264Layers":[{"Width":99999,"Height":1,"Bitrate":1}]}]}',
      /cannot be used/,
    ],
  ])('%s is refused', (configuration, message) => {
    expect(() => readPreset(configuration)).toThrow(
      expect.objectContaining({
        code: 'ErrorParsingConfiguration',
        final: true,
        message: expect.stringMatching(message) as string,
      }),
    );
  });
});
