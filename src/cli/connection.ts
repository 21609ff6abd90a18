import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { readJson } from '../local/stack/private-file.ts';
import { stackFile, stackFileName, type StackFile } from '../local/stack/stack-file.ts';
import type { ApiConnection } from './failover-api.ts';

/** The command cannot tell which Function App, or which stack, is meant; the message says how to tell it. */
export class NoConnectionError extends Error {
  override readonly name = 'NoConnectionError';
  readonly code = 'no-connection';
}

export interface ConnectionOptions {
  readonly url?: string | undefined;
  readonly key?: string | undefined;
  /** The data directory of a local stack; absent: `.local` here or in a folder above. */
  readonly dataDirectory?: string | undefined;
}

/**
 * Where the workflow's HTTP API is: as told, else that of the running local stack.
 * @throws NoConnectionError
 */
export async function connectionOf(options: ConnectionOptions): Promise<ApiConnection> {
  if (options.url !== undefined) return { url: options.url.replace(/\/+$/, ''), key: options.key };
  const directory = localStack(options.dataDirectory);
  const { functions } = await readStackFile(directory);
  if (functions === undefined) {
    throw new NoConnectionError(
      'The local stack runs without a Functions host. Say where yours is: --url http://127.0.0.1:7071',
    );
  }
  return { url: functions.url, key: options.key ?? functions.key };
}

/**
 * The data directory of the running local stack.
 * @throws NoConnectionError
 */
export function localStack(dataDirectory: string | undefined): string {
  if (dataDirectory !== undefined) {
    const directory = resolve(dataDirectory);
    if (existsSync(join(directory, stackFileName))) return directory;
    throw noStackIn(directory);
  }
  for (let folder = process.cwd(); ; folder = dirname(folder)) {
    if (existsSync(join(folder, '.local', stackFileName))) return join(folder, '.local');
    if (folder === dirname(folder)) break;
  }
  throw new NoConnectionError(
    'No local stack is running here or in a folder above. Start it (npm start), or say where the Function App is:\n' +
      '--url and --key, or FAILOVER_URL and FAILOVER_KEY.',
  );
}

function noStackIn(directory: string): NoConnectionError {
  return new NoConnectionError(
    `No stack is running in ${directory}. Start it: npm start -- --data-dir ${directory}`,
  );
}

async function readStackFile(directory: string): Promise<StackFile> {
  const path = join(directory, stackFileName);
  const content = await readJson(path);
  // It was stopped since it was found.
  if (content === undefined) throw noStackIn(directory);
  const { data } = stackFile.safeParse(content);
  if (data === undefined) throw new NoConnectionError(`${path} is not what this version writes.`);
  return data;
}
