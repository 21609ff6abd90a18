import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { messageOf } from '../../message-of.ts';
import { FunctionAppError } from './errors.ts';

const settingsFile = z.object({
  IsEncrypted: z.literal(false).optional(),
  Values: z.record(z.string(), z.string()),
});

/**
 * The settings in a local.settings.json; the environment wins over it, as with Core Tools.
 * @throws FunctionAppError when it cannot be read
 */
export async function readSettingsFile(
  file: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Record<string, string | undefined>> {
  try {
    const { Values } = settingsFile.parse(JSON.parse(await readFile(file, 'utf8')));
    return { ...Values, ...environment };
  } catch (error) {
    // A parser's message may quote the file, and with it a secret.
    const why =
      error instanceof z.ZodError || error instanceof SyntaxError
        ? 'it is no local.settings.json'
        : messageOf(error);
    throw new FunctionAppError(`${file} cannot be used: ${why}`);
  }
}
