import { describe, expect, test } from 'vitest';
import { encodeArguments } from '../../../src/media-service/encoder/encode-command.ts';
import { planRenditions } from '../../../src/media-service/encoder/ladder.ts';
import { readPreset } from '../../../src/media-service/encoder/presets.ts';
import { probeOutput, readSourceMedia } from '../../../src/media-service/encoder/source-media.ts';

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

  test('a source of little bitrate lowers the whole ladder, and none is nearly another', () => {
    expect(plan(1920, 1080, 8000)).toEqual(ladder1080);
    expect(plan(1920, 1080, 3000)).toEqual([
      '1920x1080@3000',
      '1280x720@1557',
      '960x540@977',
      '640x360@508',
      '480x270@318',
      '320x180@168',
    ]);
    expect(plan(1280, 720, 247)).toEqual(['1280x720@247', '960x540@155', '640x360@80', '480x270@50']);
    expect(plan(1280, 720, 60)).toEqual(['1280x720@60']);
  });

  test('the average of a source does not limit its peaks', () => {
    const media = readSourceMedia(
      probeOutput.parse({
        streams: [
          {
            ...{ index: 0, codec_type: 'video', codec_name: 'h264', width: 1280, height: 720 },
            ...{ avg_frame_rate: '25/1', bit_rate: '247000' },
          },
        ],
      }),
      'lecture.mp4',
    );
    const renditions = planRenditions(readPreset('Adaptive Streaming'), media.video);
    const plan = { renditions, audio: undefined };
    const options = encodeArguments('http://x/', media, plan, { speed: 'veryfast', toneMapping: true });
    const values = (name: string): string[] => options.filter((_, index) => options[index - 1] === name);
    expect(values('-b:v')).toEqual(['247k', '155k', '80k', '50k']);
    expect(values('-maxrate')).toEqual(['3234k', '2035k', '1056k', '660k']);
    expect(values('-bufsize')).toEqual(['5880k', '3700k', '1920k', '1200k']);
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
