import { z } from 'zod';
import { finalError } from './encode-error.ts';

/** One quality of a ladder: the box its picture fits into, and its bitrate. */
export interface Rung {
  readonly width: number;
  readonly height: number;
  readonly kbps: number;
}

export interface Preset {
  /** One ladder, or the reference ladders to choose from by the source's height; largest picture first in each. */
  readonly ladders: readonly (readonly Rung[])[];
  readonly audioKbps: number;
}

function ladder(...rungs: readonly (readonly [width: number, height: number, kbps: number])[]): Rung[] {
  return rungs.map(([width, height, kbps]) => ({ width, height, kbps }));
}

/** The presets known by name (reference: Media Encoder Standard, "Auto-generate a bitrate ladder" and sample presets). */
const namedPresets: Readonly<Record<string, Preset>> = {
  'Adaptive Streaming': {
    ladders: [
      ladder([1920, 1080, 6780], [1280, 720, 3520], [960, 540, 2210], [640, 360, 1150], [480, 270, 720], [320, 180, 380]),
      ladder([1280, 720, 2940], [960, 540, 1850], [640, 360, 960], [480, 270, 600], [320, 180, 320]),
      ladder([640, 360, 700], [480, 270, 440], [320, 180, 230]),
    ],
    audioKbps: 128,
  },
  'H264 Multiple Bitrate 1080p': {
    ladders: [
      ladder([1920, 1080, 6000], [1920, 1080, 4700], [1280, 720, 3400], [960, 540, 2250], [960, 540, 1500], [640, 360, 1000], [640, 360, 650], [320, 180, 400]),
    ],
    audioKbps: 128,
  },
}; // prettier-ignore

export const presetNames = Object.keys(namedPresets);

const side = z.number().int().min(16).max(1920);
const kbps = z.number().int().min(50).max(50_000);
const presetJson = z.object({
  Codecs: z.array(
    z.union([
      z.object({
        Type: z.literal('H264Video'),
        H264Layers: z
          .array(z.object({ Width: side, Height: side, Bitrate: kbps }))
          .min(1)
          .max(10),
      }),
      z.object({ Type: z.literal('AACAudio'), Bitrate: z.number().int().min(32).max(512).default(128) }),
    ]),
  ),
});

/**
 * Reads a task's configuration: a preset's name, or a preset as JSON of which the layers' size and bitrate and the
 * audio's bitrate are taken.
 * @throws EncodeError final
 */
export function readPreset(configuration: string): Preset {
  const name = configuration.trim();
  const named = Object.entries(namedPresets).find(([known]) => known.toLowerCase() === name.toLowerCase());
  if (named !== undefined) return named[1];
  if (name.startsWith('{')) return readPresetJson(name);
  const known = presetNames.map((preset) => `"${preset}"`).join(', ');
  throw finalError(
    'ErrorParsingConfiguration',
    `There is no preset "${name.slice(0, 100)}". The presets are ${known}; or give one as JSON.`,
  );
}

function readPresetJson(json: string): Preset {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch (cause) {
    throw finalError('ErrorParsingConfiguration', 'The preset is not valid JSON.', cause);
  }
  const result = presetJson.safeParse(parsed);
  if (!result.success) {
    throw finalError(
      'ErrorParsingConfiguration',
      `The preset cannot be used: ${z.prettifyError(result.error).replaceAll('\n', ' ')}`,
    );
  }
  let layers: Rung[] = [];
  let audioKbps = 128;
  for (const codec of result.data.Codecs) {
    if (codec.Type === 'AACAudio') audioKbps = codec.Bitrate;
    else
      layers = codec.H264Layers.map((layer) => ({
        width: layer.Width,
        height: layer.Height,
        kbps: layer.Bitrate,
      }));
  }
  if (layers.length === 0) {
    throw finalError('ErrorParsingConfiguration', 'The preset has no "H264Video" codec with "H264Layers".');
  }
  layers.sort((a, b) => b.height - a.height || b.kbps - a.kbps);
  return { ladders: [layers], audioKbps };
}
