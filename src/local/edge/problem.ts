import type { ServerResponse } from 'node:http';

export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail?: string;
  /** Seconds. */
  readonly retryAfter?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers with an error of the edge's own (RFC 9457), never to be stored, readable by scripts of any origin. */
export function answerProblem(answer: ServerResponse, problem: Problem): void {
  const { status, code, title, detail, retryAfter, headers } = problem;
  const body = JSON.stringify({ type: 'about:blank', title, status, code, detail });
  answer.writeHead(status, {
    'Content-Type': 'application/problem+json',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'Access-Control-Allow-Origin': '*',
    ...(retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) }),
    ...headers,
  });
  answer.end(body);
}
