import { basename, extname } from 'node:path';

/**
 * A stream id out of a file's name or a URL: its letters and digits, hyphens between them (`My film (2).mp4` →
 * `my-film-2`).
 */
export function streamIdFrom(fileOrUrl: string): string {
  const path = isUrl(fileOrUrl) ? decodeURIComponent(new URL(fileOrUrl).pathname) : fileOrUrl;
  const name = basename(path, extname(path))
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9_]+/g, '-')
    .toLowerCase()
    .replace(/^[-_]+|[-_]+$/g, '')
    .slice(0, 64);
  return name === '' ? 'stream' : name;
}

/** Whether an input is fetched by the workflow, and not a file of this machine. */
export function isUrl(input: string): boolean {
  return /^https?:\/\//i.test(input) && URL.canParse(input);
}
