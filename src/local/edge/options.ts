import { parseArgs } from 'node:util';
import { z } from 'zod';
import { messageOf } from '../../message-of.ts';
import { fast, frontDoor, frontDoorHealth, type ProbeSampleTimings, type Timings } from './timings.ts';

export const help = `Usage: edge --a URL --b URL [options]

What viewers talk to: one address in front of the streaming endpoints of two data centers.
Each request goes to A, and to B when A is refused, hangs or answers 5xx; a body that breaks
off goes on from the other one at the same byte. The header X-Data-Center tells which one
served. After a failure A rests and is probed until it is well.

  --a URL               streaming endpoint of data center A (its scheme, host and port)
  --b URL               streaming endpoint of data center B
  --port N              port to listen at; default 0: any free one
  --host ADDRESS        address to listen at; default 127.0.0.1
  --timings NAME        fast (default) or front-door: Azure Front Door's, which moves
                        only by its health probes and never within a body
  --headers-limit MS    longest wait for an answer's headers (fast: 3000, front-door: 16000)
  --stall-limit MS      longest wait for the next bytes of a body (likewise)
  --probe-interval MS   front-door only: between two probes of a data center (30000)
  --sample-size N       front-door only: how many of the last probes count (4)
  --successful-samples N  front-door only: how many of them make it healthy (3)
  --probe-path PATH     content health check; default /health/content
  --help                this text

Pages: / (what is where), /player?stream=/{locator}/{name}.ism, /edge/status (JSON).
`;

export interface CommandLine {
  readonly a: URL;
  readonly b: URL;
  readonly host: string;
  readonly port: number;
  readonly timings: Timings;
  readonly probePath: string;
}

/** The command line is wrong; the message lists every problem. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'usage';
}

const baseUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
  .transform((text) => new URL(text))
  .refine((url) => url.pathname === '/' && url.search === '', 'must have no path');
const whole = (minimum: number, maximum: number): z.ZodCoercedNumber =>
  z.coerce.number().int().min(minimum).max(maximum);
const milliseconds = whole(1, 600_000);

const frontDoorOnly = ['probe-interval', 'sample-size', 'successful-samples'] as const;

const schema = z
  .object({
    a: baseUrl,
    b: baseUrl,
    host: z.string().default('127.0.0.1'),
    port: whole(0, 65_535).default(0),
    timings: z.enum(['fast', 'front-door']).default('fast'),
    'headers-limit': milliseconds.optional(),
    'stall-limit': milliseconds.optional(),
    'probe-interval': milliseconds.optional(),
    'sample-size': whole(1, 255).optional(),
    'successful-samples': whole(1, 255).optional(),
    'probe-path': z.string().startsWith('/', 'must start with /').default('/health/content'),
  })
  .refine((options) => options.a.href !== options.b.href, { path: ['b'], error: 'must differ from --a' })
  .superRefine((options, context) => {
    const given = frontDoorOnly.filter((name) => options[name] !== undefined);
    for (const name of options.timings === 'fast' ? given : []) {
      context.addIssue({ code: 'custom', path: [name], message: 'only with --timings front-door' });
    }
    const { successfulSamples, sampleSize } = probing(frontDoorHealth, options);
    if (options.timings === 'front-door' && successfulSamples > sampleSize) {
      context.addIssue({
        code: 'custom',
        path: ['successful-samples'],
        message: 'must not be more than --sample-size',
      });
    }
  });

/**
 * Reads the command line; undefined when the help was asked for.
 * @throws UsageError
 */
export function readOptions(args: readonly string[]): CommandLine | undefined {
  const { help: wantsHelp, ...given } = parse(args);
  if (wantsHelp === true) return undefined;
  const result = schema.safeParse(given);
  if (!result.success) {
    const problems = result.error.issues.map((issue) => `  --${issue.path.join('.')}: ${issue.message}`);
    throw new UsageError(`The command line is not usable:\n${problems.join('\n')}`);
  }
  const options = result.data;
  const chosen = options.timings === 'fast' ? fast : frontDoor;
  return {
    a: options.a,
    b: options.b,
    host: options.host,
    port: options.port,
    probePath: options['probe-path'],
    timings: {
      ...chosen,
      headersLimit: options['headers-limit'] ?? chosen.headersLimit,
      stallLimit: options['stall-limit'] ?? chosen.stallLimit,
      health: chosen.health.kind === 'probe-samples' ? probing(chosen.health, options) : chosen.health,
    },
  };
}

function probing(defaults: ProbeSampleTimings, options: z.infer<typeof schema>): ProbeSampleTimings {
  return {
    ...defaults,
    probeInterval: options['probe-interval'] ?? defaults.probeInterval,
    sampleSize: options['sample-size'] ?? defaults.sampleSize,
    successfulSamples: options['successful-samples'] ?? defaults.successfulSamples,
  };
}

function parse(args: readonly string[]): Readonly<Record<string, string | boolean | undefined>> {
  try {
    const text = { type: 'string' } as const;
    return parseArgs({
      args: [...args],
      options: {
        a: text,
        b: text,
        host: text,
        port: text,
        timings: text,
        'headers-limit': text,
        'stall-limit': text,
        'probe-interval': text,
        'sample-size': text,
        'successful-samples': text,
        'probe-path': text,
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}
