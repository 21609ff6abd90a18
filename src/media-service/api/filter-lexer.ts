import { badRequest } from './api-error.ts';
import { readTime } from './edm.ts';

export type FilterLiteral = string | number | boolean | Date | null;

export type Token =
  | { readonly kind: 'literal'; readonly value: FilterLiteral }
  | { readonly kind: 'name'; readonly text: string }
  | { readonly kind: 'symbol'; readonly text: '(' | ')' | ',' };

/** OData 3 literals and names (OData URI Conventions, 4.5): the order matters. */
const forms: readonly [RegExp, (match: RegExpExecArray) => Token][] = [
  [/^([(),])/, (match) => ({ kind: 'symbol', text: match[1] as '(' | ')' | ',' })],
  [/^datetime(?:offset)?'([^']*)'/, (match) => literal(time(match[1] ?? ''))],
  [/^guid'([^']*)'/, (match) => literal((match[1] ?? '').toLowerCase())],
  [/^'((?:[^']|'')*)'/, (match) => literal((match[1] ?? '').replaceAll("''", "'"))],
  [/^(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)[dDfFlLmM]?(?![\w.])/, (match) => literal(Number(match[1]))],
  [/^(true|false|null)\b/, (match) => literal(constants[match[1] ?? ''] ?? null)],
  [/^([A-Za-z_]\w*)/, (match) => ({ kind: 'name', text: match[1] ?? '' })],
];

const constants: Readonly<Record<string, boolean | null>> = { true: true, false: false, null: null };

const literal = (value: FilterLiteral): Token => ({ kind: 'literal', value });

function time(text: string): Date {
  const read = readTime(text);
  if (read === undefined) throw badRequest(`'${text}' in $filter is not a time.`);
  return read;
}

/** Takes a `$filter` apart. @throws ApiError 400 */
export function tokens(text: string): Token[] {
  const found: Token[] = [];
  let rest = text.trimStart();
  while (rest !== '') {
    const token = next(rest);
    if (token === undefined) throw badRequest(`Syntax error in $filter at '${rest.slice(0, 20)}'.`);
    found.push(token.token);
    rest = rest.slice(token.length).trimStart();
  }
  return found;
}

function next(text: string): { readonly token: Token; readonly length: number } | undefined {
  for (const [form, read] of forms) {
    const match = form.exec(text);
    if (match !== null) return { token: read(match), length: match[0].length };
  }
  return undefined;
}
