import { accessSync, constants, statSync } from 'node:fs';
import { basename, extname, resolve } from 'node:path';

/** What a stream is made of: fetched by the workflow, or a file of this machine. */
export type Input =
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'file'; readonly path: string; readonly bytes: number };

/** What was given cannot be the input of a stream. */
export class InputError extends Error {
  override readonly name = 'InputError';
  readonly code = 'input';
}

/**
 * Reads what a person gave as the input: a file, or an http(s) URL.
 * @throws InputError
 */
export function inputOf(given: string): Input {
  if (isUrl(given)) return { kind: 'url', url: given };
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(given)) {
    throw new InputError(`${given} is neither a file nor an http(s) URL.`);
  }
  const path = resolve(given);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new InputError(`There is no file ${path}.`);
  if (!found.isFile()) throw new InputError(`${path} is not a file.`);
  if (found.size === 0) throw new InputError(`${path} is empty.`);
  try {
    accessSync(path, constants.R_OK);
  } catch {
    throw new InputError(`${path} cannot be read.`);
  }
  return { kind: 'file', path, bytes: found.size };
}

/**
 * A stream id out of a file's name or a URL: its letters and digits, hyphens between them (`Café (2).mp4` → `cafe-2`).
 * @throws InputError when there are none of a to z and 0 to 9
 */
export function streamIdFrom(given: string): string {
  const path = isUrl(given) ? decoded(new URL(given).pathname) : given;
  const name = basename(path, extname(path))
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '')
    .replace(/[^A-Za-z0-9_]+/g, '-')
    .toLowerCase()
    .replace(/^[-_]+/, '')
    .slice(0, 64)
    .replace(/[-_]+$/, '');
  if (name === '') throw new InputError(`No stream id can be made of ${given}. Give one: --stream-id ID`);
  return name;
}

/** Whether it is an http(s) URL. */
export function isUrl(given: string): boolean {
  return /^https?:\/\//i.test(given) && URL.canParse(given);
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
