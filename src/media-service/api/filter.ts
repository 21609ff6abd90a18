import { badRequest } from './api-error.ts';
import type { EntityType } from './entity-types.ts';
import { tokens, type FilterLiteral, type Token } from './filter-lexer.ts';

type Entity = object;
type Comparison = 'eq' | 'ne' | 'gt' | 'ge' | 'lt' | 'le';

type Expression =
  | { readonly kind: 'literal'; readonly value: FilterLiteral }
  | { readonly kind: 'property'; readonly name: string }
  | { readonly kind: 'call'; readonly name: string; readonly parts: readonly Expression[] }
  | { readonly kind: 'not'; readonly part: Expression }
  | {
      readonly kind: Comparison | 'and' | 'or';
      readonly left: Expression;
      readonly right: Expression;
    };

const comparisons: readonly string[] = ['eq', 'ne', 'gt', 'ge', 'lt', 'le'];
const nestingLimit = 100;

/** A `$filter` (OData 3): comparisons, `and`, `or`, `not`, and the string functions. */
export class Filter {
  readonly #root: Expression;

  constructor(root: Expression) {
    this.#root = root;
  }

  matches(entity: Entity): boolean {
    return evaluate(this.#root, entity) === true;
  }

  /** The values that the filter demands of properties in every case: what an index can answer. */
  demands(): ReadonlyMap<string, FilterLiteral> {
    const found = new Map<string, FilterLiteral>();
    const collect = (expression: Expression): void => {
      if (expression.kind === 'and') {
        collect(expression.left);
        collect(expression.right);
      } else if (expression.kind === 'eq') {
        const { left, right } = expression;
        const [property, value] = left.kind === 'property' ? [left, right] : [right, left];
        if (property.kind === 'property' && value.kind === 'literal') found.set(property.name, value.value);
      }
    };
    collect(this.#root);
    return found;
  }
}

/** @throws ApiError 400 for what cannot be read, or names a property that the type does not have */
export function readFilter(text: string, type: EntityType): Filter {
  return new Filter(new Parser(tokens(text), type).whole());
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #type: EntityType;
  #position = 0;
  #depth = 0;

  constructor(all: readonly Token[], type: EntityType) {
    this.#tokens = all;
    this.#type = type;
  }

  whole(): Expression {
    const expression = this.#or();
    if (this.#position < this.#tokens.length) throw syntaxError();
    return expression;
  }

  #or(): Expression {
    let left = this.#and();
    while (this.#accept('or')) left = { kind: 'or', left, right: this.#and() };
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    while (this.#accept('and')) left = { kind: 'and', left, right: this.#not() };
    return left;
  }

  #not(): Expression {
    return this.#accept('not') ? { kind: 'not', part: this.#nested(() => this.#not()) } : this.#comparison();
  }

  #comparison(): Expression {
    const left = this.#primary();
    const token = this.#tokens[this.#position];
    if (token?.kind !== 'name' || !comparisons.includes(token.text)) return left;
    this.#position++;
    return { kind: token.text as Comparison, left, right: this.#primary() };
  }

  #primary(): Expression {
    const token = this.#tokens[this.#position++];
    if (token === undefined) throw syntaxError();
    if (token.kind === 'literal') return token;
    if (token.kind === 'symbol') {
      if (token.text !== '(') throw syntaxError();
      const inner = this.#nested(() => this.#or());
      this.#expect(')');
      return inner;
    }
    if (this.#accept('(')) return this.#call(token.text);
    if (!this.#type.properties.some(({ name }) => name === token.text)) {
      throw badRequest(`${this.#type.name} has no property '${token.text}'.`);
    }
    return { kind: 'property', name: token.text };
  }

  #call(name: string): Expression {
    const known = functions.get(name);
    if (known === undefined) throw badRequest(`$filter has no function '${name}' here.`);
    const parts: Expression[] = [];
    do parts.push(this.#nested(() => this.#or()));
    while (this.#accept(','));
    this.#expect(')');
    if (parts.length !== known.parts) throw badRequest(`${name} in $filter takes ${known.parts} values.`);
    return { kind: 'call', name, parts };
  }

  /** Bounds the recursion: a filter comes from outside. */
  #nested(read: () => Expression): Expression {
    if (++this.#depth > nestingLimit) throw badRequest('$filter is nested too deep.');
    const expression = read();
    this.#depth--;
    return expression;
  }

  #accept(text: string): boolean {
    const token = this.#tokens[this.#position];
    if (token === undefined || token.kind === 'literal' || token.text !== text) return false;
    this.#position++;
    return true;
  }

  #expect(text: string): void {
    if (!this.#accept(text)) throw syntaxError();
  }
}

const syntaxError = (): Error => badRequest('Syntax error in $filter.');

type Value = FilterLiteral | undefined;
const textOf = (value: Value): string => (typeof value === 'string' ? value : '');

interface FilterFunction {
  readonly parts: number;
  readonly call: (values: readonly Value[]) => Value;
}

/** A map, as an object would know `toString`, too. */
const functions: ReadonlyMap<string, FilterFunction> = new Map<string, FilterFunction>(
  Object.entries({
    startswith: { parts: 2, call: ([text, part]) => textOf(text).startsWith(textOf(part)) },
    endswith: { parts: 2, call: ([text, part]) => textOf(text).endsWith(textOf(part)) },
    substringof: { parts: 2, call: ([part, text]) => textOf(text).includes(textOf(part)) },
    tolower: { parts: 1, call: ([text]) => textOf(text).toLowerCase() },
    toupper: { parts: 1, call: ([text]) => textOf(text).toUpperCase() },
    trim: { parts: 1, call: ([text]) => textOf(text).trim() },
    length: { parts: 1, call: ([text]) => textOf(text).length },
  }),
);

function evaluate(expression: Expression, entity: Entity): Value {
  switch (expression.kind) {
    case 'literal':
      return expression.value;
    case 'property':
      return (entity as Readonly<Record<string, Value>>)[expression.name];
    case 'call':
      return functions.get(expression.name)?.call(expression.parts.map((part) => evaluate(part, entity)));
    case 'not':
      return evaluate(expression.part, entity) !== true;
    case 'and':
      return evaluate(expression.left, entity) === true && evaluate(expression.right, entity) === true;
    case 'or':
      return evaluate(expression.left, entity) === true || evaluate(expression.right, entity) === true;
    default:
      return compare(expression.kind, evaluate(expression.left, entity), evaluate(expression.right, entity));
  }
}

function compare(operator: Comparison, left: Value, right: Value): boolean {
  const [a, b] = [comparable(left), comparable(right)];
  if (operator === 'eq') return a === b;
  if (operator === 'ne') return a !== b;
  if (a === null || b === null || typeof a !== typeof b) return false;
  switch (operator) {
    case 'gt':
      return a > b;
    case 'ge':
      return a >= b;
    case 'lt':
      return a < b;
    case 'le':
      return a <= b;
  }
}

function comparable(value: Value): string | number | boolean | null {
  return value instanceof Date ? value.getTime() : (value ?? null);
}

/** Orders entities by a property: null first, as in the reference's database. */
export function order(left: unknown, right: unknown): number {
  const [a, b] = [comparable(left as Value), comparable(right as Value)];
  if (a === b) return 0;
  if (a === null) return -1;
  if (b === null) return 1;
  return a < b ? -1 : 1;
}
