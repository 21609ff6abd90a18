import { z } from 'zod';
import { dataCenterKeys } from '../streams/data-center.ts';
import { parseId } from '../streams/entity-ids.ts';
import { errorCodes } from '../streams/errors.ts';
import { operationKinds, resyncModes } from '../streams/operation.ts';
import { isPreset, presetRule } from '../streams/presets.ts';
import { readLevels } from '../streams/side-state.ts';
import { streamIdPattern, streamIdRule, type StreamId } from '../streams/stream-id.ts';

export const streamIdSchema = z
  .string('must be a text')
  .regex(streamIdPattern, streamIdRule)
  .transform((text) => text as StreamId)
  .describe('The id of the stream, of your own choice');

const side = z.enum(dataCenterKeys, 'must be "a" or "b"');

const assetId = z.string('must be a text').transform((text, context) => {
  const id = parseId('Asset', text);
  if (id !== undefined) return id;
  context.addIssue({ code: 'custom', message: 'must be the id of an asset, as nb:cid:UUID:{guid}' });
  return z.NEVER;
});

const url = z
  .string('must be a text')
  .max(8192, 'must not be longer than 8192 characters')
  .refine(
    (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol),
    'must be an http or https URL',
  )
  .refine((text) => {
    if (!URL.canParse(text)) return true;
    const { username, password } = new URL(text);
    return username === '' && password === '';
  }, 'must not hold a user name or a password');

const preset = z
  .union([z.string(), z.record(z.string(), z.unknown())], 'must be the name of a preset, or its JSON')
  .transform((given, context) => {
    if (typeof given === 'string') return given;
    try {
      return JSON.stringify(given);
    } catch {
      // It came as JSON: nothing but its depth can keep it from becoming JSON again.
      context.addIssue({ code: 'custom', message: 'is nested too deep' });
      return z.NEVER;
    }
  })
  .refine((text) => text.length <= 16_384, 'must not be longer than 16384 characters')
  .refine(isPreset, presetRule);

export const submitSchema = z
  .strictObject(
    {
      streamId: streamIdSchema,
      source: side.optional().describe('The data center that encodes it; the home data center when absent'),
      input: z
        .strictObject(
          {
            assetId: assetId.optional().describe('An asset with the uploaded video, in the source'),
            url: url.optional().describe('Where to fetch the video'),
          },
          'must be an object with assetId or url',
        )
        .refine((given) => (given.assetId === undefined) !== (given.url === undefined), {
          error: 'must have either assetId or url',
        }),
      preset: preset.optional().describe('The encoding preset; "Adaptive Streaming" when absent'),
    },
    'must be an object',
  )
  .describe('Publish a video as a stream');

export const uploadSchema = z
  .strictObject(
    {
      fileName: z
        .string('must be a text')
        .min(1, 'must not be empty')
        .max(1024, 'must not be longer than 1024 characters')
        .describe('The name of the file to upload'),
      dataCenter: side.optional().describe('Where to upload it; the home data center when absent'),
    },
    'must be an object',
  )
  .describe('Make an empty input asset, and a URL to upload a file to');

export const resyncSchema = z
  .strictObject(
    {
      mode: z
        .enum(resyncModes, 'must be "report" or "repair"')
        .optional()
        .describe('What is done with what is found; RESYNC_MODE when absent'),
    },
    'must be an object',
  )
  .describe('Look at every stream of the home data center');

export const verifySchema = z
  .strictObject(
    {
      level: z
        .enum(readLevels, 'must be "properties" or "bytes"')
        .optional()
        .describe('What is compared; VERIFY when absent'),
    },
    'must be an object',
  )
  .describe("Compare a stream's two sides");

export const nothingSchema = z.strictObject({}, 'must be an object').describe('Nothing');

const failureSchema = z.object({
  code: z.enum(Object.keys(errorCodes) as [string, ...string[]]),
  message: z.string(),
  retriable: z.boolean(),
});

export const startedSchema = z
  .object({
    operationId: z.string(),
    streamId: z.string().optional(),
    status: z.enum(['running', 'succeeded']),
  })
  .describe('A run was started, or found');

export const operationSchema = z
  .object({
    operationId: z.string(),
    streamId: z.string().optional(),
    kind: z.enum(operationKinds),
    status: z.enum(['running', 'succeeded', 'failed', 'canceled']),
    step: z.string(),
    percent: z.number(),
    bytes: z.object({ done: z.number(), total: z.number() }).optional(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    result: z.record(z.string(), z.unknown()).optional(),
    error: failureSchema.optional(),
  })
  .describe('A run');

export const uploadAnswerSchema = z
  .object({
    assetId: z.string(),
    dataCenter: side,
    fileName: z.string().describe('The name as it was made fit for an asset'),
    uploadUrl: z.string().describe('PUT the file there as a block blob; a secret'),
    expires: z.iso.datetime(),
  })
  .describe('An empty input asset');

const urls = z.object({ smooth: z.string(), hls: z.string(), dash: z.string() });
const unreachableSide = z
  .object({ reachable: z.literal(false), problem: failureSchema })
  .describe('A data center that could not be asked within seconds');
const reachableSide = z.object({
  reachable: z.literal(true),
  assetId: z.string(),
  revision: z.number(),
  files: z.number(),
  bytes: z.number(),
  locatorId: z.string().optional(),
  expires: z.iso.datetime().optional(),
  urls: urls.optional(),
});
const sideSchema = z.discriminatedUnion('reachable', [reachableSide, unreachableSide]);

export const streamSchema = z
  .object({
    streamId: z.string(),
    source: side,
    protected: z.boolean().describe('Both data centers could be asked, and have the same'),
    sides: z
      .object({ a: sideSchema.optional(), b: sideSchema.optional() })
      .describe('A side is absent when it has nothing of the stream'),
    differences: z.array(z.string()).describe('Of sides that could both be asked'),
    operationId: z.string().optional().describe('The latest run'),
  })
  .describe('A stream as both data centers have it');

const listedSide = z.discriminatedUnion('reachable', [
  z.object({ reachable: z.literal(true) }),
  unreachableSide,
]);

export const streamListSchema = z
  .object({
    streams: z.array(
      z.object({ streamId: z.string(), source: side, revision: z.number(), created: z.iso.datetime() }),
    ),
    sides: z
      .object({ a: listedSide, b: listedSide })
      .describe('Streams that only an unreachable data center has are not in the list'),
    next: z.string().optional().describe('Give it as ?after= for the next page'),
  })
  .describe('A page of streams');

export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number(),
    detail: z.string(),
    code: z.string(),
    problems: z.array(z.object({ at: z.string(), message: z.string() })).optional(),
    operationId: z.string().optional(),
  })
  .describe('Why a request failed (RFC 9457)');
