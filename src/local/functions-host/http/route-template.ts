import { FunctionAppError } from '../errors.ts';

interface Parameter {
  readonly kind: 'parameter';
  readonly name: string;
  readonly constraints: readonly ((value: string) => boolean)[];
  readonly optional: boolean;
  readonly catchAll: boolean;
}

type Segment = { readonly kind: 'literal'; readonly text: string } | Parameter;

const constraints: Readonly<Record<string, (argument: string) => (value: string) => boolean>> = {
  int: () => (value) => /^[+-]?\d{1,10}$/.test(value) && Math.abs(Number(value)) <= 2 ** 31 - 1,
  long: () => (value) => /^[+-]?\d{1,19}$/.test(value),
  double: () => (value) => value.trim() !== '' && Number.isFinite(Number(value)),
  float: () => (value) => value.trim() !== '' && Number.isFinite(Number(value)),
  decimal: () => (value) => /^[+-]?\d+(\.\d+)?$/.test(value),
  bool: () => (value) => /^(true|false)$/i.test(value),
  guid: () => (value) => /^[{(]?[\da-f]{8}-?([\da-f]{4}-?){3}[\da-f]{12}[)}]?$/i.test(value),
  datetime: () => (value) => !Number.isNaN(Date.parse(value)),
  alpha: () => (value) => /^[a-z]*$/i.test(value),
  required: () => (value) => value !== '',
  minlength: (argument) => (value) => value.length >= Number(argument),
  maxlength: (argument) => (value) => value.length <= Number(argument),
  length: (argument) => {
    const [least = 0, most = least] = argument.split(',').map(Number);
    return (value) => value.length >= least && value.length <= most;
  },
  min: (argument) => (value) => Number(value) >= Number(argument),
  max: (argument) => (value) => Number(value) <= Number(argument),
  range: (argument) => {
    const [least = -Infinity, most = Infinity] = argument.split(',').map(Number);
    return (value) => Number(value) >= least && Number(value) <= most;
  },
  regex: (argument) => {
    const pattern = new RegExp(argument.replaceAll('{{', '{').replaceAll('}}', '}'), 'i');
    return (value) => pattern.test(value);
  },
};

/**
 * A route as ASP.NET Core's attribute routing writes it: `streams/{id:length(1,64)}/files/{*path}`
 * (learn.microsoft.com/aspnet/core/fundamentals/routing). A parameter fills a whole segment.
 */
export class RouteTemplate {
  readonly text: string;
  readonly #segments: readonly Segment[];

  /** @throws FunctionAppError when it cannot be understood */
  constructor(text: string) {
    this.text = text;
    const parts = text.replace(/^~?\//, '').split(/\/(?![^{]*})/);
    this.#segments = parts.filter((part) => part !== '').map((part) => this.#parse(part));
  }

  /** The parameters of a path (its segments still percent-encoded), or undefined when it is another route's. */
  match(path: readonly string[]): Record<string, string> | undefined {
    const parameters: Record<string, string> = {};
    for (const [index, segment] of this.#segments.entries()) {
      const given = path[index];
      if (segment.kind === 'literal') {
        if (given?.toLowerCase() !== segment.text) return undefined;
        continue;
      }
      const value = segment.catchAll ? path.slice(index).join('/') : given;
      if (value === undefined || value === '') {
        if (!segment.optional && !segment.catchAll) return undefined;
        continue;
      }
      const decoded = decode(value);
      if (decoded === undefined || !segment.constraints.every((allows) => allows(decoded))) return undefined;
      parameters[segment.name] = decoded;
      if (segment.catchAll) return parameters;
    }
    return path.length <= this.#segments.length ? parameters : undefined;
  }

  /** Which of two routes that match the same path is tried first: literals before constraints before the rest. */
  static compare(a: RouteTemplate, b: RouteTemplate): number {
    const rank = (segment: Segment | undefined): number => {
      if (segment === undefined) return 0;
      if (segment.kind === 'literal') return 1;
      if (segment.catchAll) return 4;
      return segment.constraints.length > 0 ? 2 : 3;
    };
    for (let index = 0; index < Math.max(a.#segments.length, b.#segments.length); index++) {
      const difference = rank(a.#segments[index]) - rank(b.#segments[index]);
      if (difference !== 0) return difference;
    }
    return 0;
  }

  #parse(part: string): Segment {
    const inside = /^\{(\*{0,2})([^:=?}]+)((?::(?:[^:()]+(?:\([^)]*\))?))*)(\?)?\}$/.exec(part);
    if (inside === null) {
      if (/[{}]/.test(part)) {
        throw new FunctionAppError(
          `The route ${this.text} is not supported: a parameter fills a whole segment.`,
        );
      }
      return { kind: 'literal', text: decode(part)?.toLowerCase() ?? part.toLowerCase() };
    }
    const [, stars = '', name = '', constraintText = '', question] = inside;
    const written = constraintText.match(/:[^:()]+(\([^)]*\))?/g) ?? [];
    return {
      kind: 'parameter',
      name,
      catchAll: stars !== '',
      optional: question !== undefined,
      constraints: written.map((one) => this.#constraint(one.slice(1))),
    };
  }

  #constraint(written: string): (value: string) => boolean {
    const [, name = written, argument = ''] = /^([^(]+)(?:\((.*)\))?$/.exec(written.replace(/\?$/, '')) ?? [];
    const make = constraints[name.toLowerCase()];
    if (make === undefined) {
      throw new FunctionAppError(`The route ${this.text} has an unknown constraint: ${name}.`);
    }
    return make(argument);
  }
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
