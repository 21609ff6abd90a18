import { join } from 'node:path';
import { readJson, writePrivateJson } from './private-file.ts';

const writtenBy = 'npm start';

/** There is a local.settings.json that a person wrote. */
export class LocalSettingsInTheWayError extends Error {
  override readonly name = 'LocalSettingsInTheWayError';
  readonly code = 'local-settings-in-the-way';

  constructor(path: string) {
    super(`${path} is your own and would be overwritten. Move it away, or use --functions-host local.`);
  }
}

/**
 * Writes the local.settings.json that Core Tools reads. One that `npm start` wrote before is replaced, another one is
 * left alone.
 * @throws LocalSettingsInTheWayError
 */
export async function writeLocalSettings(
  packageRoot: string,
  { values, port }: { values: Readonly<Record<string, string>>; port: number },
): Promise<void> {
  const path = join(packageRoot, 'local.settings.json');
  const found = (await readJson(path)) as { WrittenBy?: unknown } | undefined;
  if (found !== undefined && found.WrittenBy !== writtenBy) throw new LocalSettingsInTheWayError(path);
  await writePrivateJson(path, {
    WrittenBy: writtenBy,
    IsEncrypted: false,
    Values: values,
    Host: { LocalHttpPort: port },
  });
}
