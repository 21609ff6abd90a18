import type { HttpRequest } from '@azure/functions';
import type { z } from 'zod';
import { RequestError, type RequestProblem } from './problems.ts';

/** Bytes: no command needs more, and reading stops there. */
const longestBody = 2 ** 20;

/**
 * Reads and checks a command's body.
 * @throws RequestError 400 or 413, with every problem
 */
export async function readBody<Schema extends z.ZodType>(
  request: HttpRequest,
  schema: Schema,
): Promise<z.infer<Schema>> {
  const text = await readText(request);
  let json: unknown;
  try {
    // A command without a body is one with nothing set.
    json = text.trim() === '' ? {} : JSON.parse(text);
  } catch {
    throw new RequestError(400, 'bad-json', 'The body is not JSON.');
  }
  return checked(schema, json);
}

/** @throws RequestError 400, with every problem */
export function checked<Schema extends z.ZodType>(schema: Schema, value: unknown): z.infer<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map(problemOf);
  const detail = problems.map(({ at, message }) => (at === '' ? message : `${at}: ${message}`)).join('; ');
  throw new RequestError(400, 'bad-request', detail, { problems });
}

function problemOf(issue: z.core.$ZodIssue): RequestProblem {
  const at = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    return { at, message: `has unknown properties: ${issue.keys.join(', ')}` };
  }
  return { at, message: issue.message };
}

async function readText(request: HttpRequest): Promise<string> {
  const tooLarge = (): RequestError =>
    new RequestError(413, 'body-too-large', `The body is larger than ${longestBody} bytes.`);
  if (Number(request.headers.get('content-length') ?? 0) > longestBody) throw tooLarge();
  if (request.body === null) return '';
  const parts: Uint8Array[] = [];
  let length = 0;
  const body: AsyncIterable<Uint8Array> = request.body;
  for await (const part of body) {
    length += part.byteLength;
    if (length > longestBody) throw tooLarge();
    parts.push(part);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts));
  } catch {
    throw new RequestError(400, 'bad-json', 'The body is not UTF-8.');
  }
}
