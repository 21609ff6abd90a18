import { readFile, stat } from 'node:fs/promises';
import Module from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { messageOf } from '../../../message-of.ts';
import { FunctionAppError } from '../errors.ts';
import type { FunctionsCore } from './functions-core.ts';

const packageJson = z.object({ main: z.string().min(1) });

interface ModuleLoader {
  _load(request: string, parent: unknown, isMain: boolean): unknown;
}

/**
 * Loads the app in a folder as the Node worker does: supplies `@azure/functions-core`, then loads what `main` in its
 * package.json names.
 * @throws FunctionAppError when there is no such app or it throws while it loads
 */
export async function loadApp(folder: string, core: FunctionsCore): Promise<void> {
  const file = await entryOf(folder);
  supplyModule('@azure/functions-core', core.module);
  try {
    await import(pathToFileURL(file).href);
  } catch (error) {
    const place = error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
    throw new FunctionAppError(`The app ${file} throws while it loads: ${place}`, { cause: error });
  }
}

async function entryOf(folder: string): Promise<string> {
  const file = join(resolve(folder), 'package.json');
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    throw new FunctionAppError(`${file} is not there: --app names the folder of a function app.`);
  }
  const parsed = packageJson.safeParse(JSON.parse(text));
  if (!parsed.success)
    throw new FunctionAppError(`${file} has no "main": the file that registers functions.`);
  const entry = resolve(folder, parsed.data.main);
  const found = await stat(entry).catch(() => undefined);
  if (found?.isFile() !== true) {
    throw new FunctionAppError(`${entry}, "main" of ${file}, is not a file: build the app first.`);
  }
  return entry;
}

/** Must happen before the app's first require: `@azure/functions` remembers a miss. */
function supplyModule(name: string, exports: unknown): void {
  const loader = Module as unknown as ModuleLoader;
  const load = loader._load.bind(loader);
  loader._load = (request, parent, isMain) => (request === name ? exports : load(request, parent, isMain));
}
