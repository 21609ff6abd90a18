import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { readJson, writePrivateJson } from './private-file.ts';

const port = z.number().int().min(1).max(65_535);

const stackSettings = z.object({
  secrets: z.object({
    /** Account keys, base64. */
    storageKeys: z.object({ mediaa: z.string(), mediab: z.string(), functions: z.string() }),
    clientSecret: z.string(),
    functionsKey: z.string(),
  }),
  ports: z.object({
    blob: port,
    queue: port,
    table: port,
    mediaServiceA: port,
    mediaServiceB: port,
    edge: port,
    functions: port,
  }),
  /** Input files taken in already: the asset they became, by the stream. */
  uploads: z.record(z.string(), z.object({ sha256: z.string(), assetId: z.string() })),
});

/** What a stack keeps from one start to the next. Holds secrets. */
export type StackSettings = z.infer<typeof stackSettings>;
export type PortName = keyof StackSettings['ports'];

/** The ports of a first start; whichever is taken is replaced by a free one. */
const firstPorts: StackSettings['ports'] = {
  blob: 10_000,
  queue: 10_001,
  table: 10_002,
  mediaServiceA: 8081,
  mediaServiceB: 8082,
  edge: 8080,
  functions: 7071,
};

const fileName = 'settings.json';

/** The settings of an earlier start in this data directory; `fresh` when there was none and they are made up. */
export async function readSettings(directory: string): Promise<{ settings: StackSettings; fresh: boolean }> {
  const path = join(directory, fileName);
  const content = await readJson(path);
  if (content !== undefined) {
    const result = stackSettings.safeParse(content);
    if (result.success) return { settings: result.data, fresh: false };
    throw new Error(`${path} is not what this version wrote. Remove ${directory} to begin anew.`);
  }
  const key = (): string => randomBytes(64).toString('base64');
  const settings: StackSettings = {
    secrets: {
      storageKeys: { mediaa: key(), mediab: key(), functions: key() },
      clientSecret: randomBytes(32).toString('base64url'),
      functionsKey: randomBytes(32).toString('base64url'),
    },
    ports: firstPorts,
    uploads: {},
  };
  await writeSettings(directory, settings);
  return { settings, fresh: true };
}

export async function writeSettings(directory: string, settings: StackSettings): Promise<void> {
  await writePrivateJson(join(directory, fileName), settings);
}
