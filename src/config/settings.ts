/**
 * How every program reads its settings: checked at start, all problems told at once by the setting's name and never
 * with its value. Nothing but the modules in this folder reads `process.env`.
 */
import { z } from 'zod';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A setting is missing or wrong; the message lists every one. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  readonly code = 'configuration';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The configuration is not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

export const url = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' });
export const name = z.string().min(1, 'must not be empty');
export const integer = (minimum: number, maximum: number): z.ZodCoercedNumber =>
  z.coerce.number().int().min(minimum).max(maximum);
export const flag = z.enum(['true', 'false']).transform((text) => text === 'true');

/** An empty setting counts as absent: templates and portals leave such behind. */
export function read<Schema extends z.ZodType>(schema: Schema, environment: Environment): z.infer<Schema> {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  throw new ConfigurationError(
    result.error.issues.map((issue) => {
      const setting = issue.path.join('.');
      const missing = setting !== '' && given[setting] === undefined;
      return `${setting}: ${missing ? 'is not set' : issue.message}`;
    }),
  );
}

/** A setting as the documentation tells it. */
export interface SettingDescription {
  readonly name: string;
  readonly description: string;
  readonly required: boolean;
  /** As it is written in the environment. */
  readonly defaultValue: string | undefined;
}

/** The settings of a schema that have a description, in its order. */
export function describe(schema: z.ZodObject): readonly SettingDescription[] {
  return Object.entries(schema.shape).flatMap(([setting, type]) => {
    const { description } = type as z.ZodType;
    if (description === undefined) return [];
    const absent = z.safeParse(type, undefined);
    const defaultValue =
      absent.success && absent.data !== undefined
        ? String(absent.data as string | number | boolean)
        : undefined;
    return [{ name: setting, description, required: !absent.success, defaultValue }];
  });
}
