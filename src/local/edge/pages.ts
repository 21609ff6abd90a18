import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';

interface Page {
  readonly body: Buffer;
  readonly type: string;
  readonly etag: string;
}

/** The paths of the pages and the files they are in. */
const files = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/player': ['player.html', 'text/html; charset=utf-8'],
  '/player.js': ['player.js', 'text/javascript; charset=utf-8'],
  '/pages.css': ['pages.css', 'text/css; charset=utf-8'],
  '/favicon.svg': ['favicon.svg', 'image/svg+xml'],
} as const;

/** Nothing from elsewhere, except media: the player may be pointed at a data center directly. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  'connect-src http: https:',
  'media-src blob:',
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The player page and the page that tells about it, read once. */
export class Pages {
  readonly #pages: ReadonlyMap<string, Page>;

  private constructor(pages: ReadonlyMap<string, Page>) {
    this.#pages = pages;
  }

  /** @throws Error when a file is missing in the folder */
  static async load(folder: string): Promise<Pages> {
    const loaded = await Promise.all(
      Object.entries(files).map(async ([path, [file, type]]): Promise<[string, Page]> => {
        const body = await readFile(join(folder, file));
        return [
          path,
          { body, type, etag: `"${createHash('sha256').update(body).digest('hex').slice(0, 32)}"` },
        ];
      }),
    );
    return new Pages(new Map(loaded));
  }

  /** Answers when the path is one of a page; false otherwise. */
  answer(path: string, request: IncomingMessage, answer: ServerResponse): boolean {
    const page = this.#pages.get(path);
    if (page === undefined) return false;
    const headers = {
      ETag: page.etag,
      'Cache-Control': 'no-cache',
      'Content-Security-Policy': contentSecurityPolicy,
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
    };
    if (request.headers['if-none-match'] === page.etag) {
      answer.writeHead(304, headers).end();
    } else {
      answer.writeHead(200, { ...headers, 'Content-Type': page.type, 'Content-Length': page.body.length });
      answer.end(page.body);
    }
    return true;
  }
}
