import { readFile } from 'node:fs/promises';

/** A sample of docs/api.md: the JSON that is marked with this name. */
export async function sampleOf(name: string): Promise<unknown> {
  const page = await readFile('docs/api.md', 'utf8');
  const sample = new RegExp(`^\`\`\`json ${name}\n(.*?)^\`\`\``, 'ms').exec(page)?.[1];
  if (sample === undefined) throw new Error(`docs/api.md has no sample ${name}`);
  return JSON.parse(sample);
}

/** The names and types in a JSON value, without what it says: two answers of a kind have the same. */
export function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shapeOf(value[0])];
  if (typeof value !== 'object' || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, shapeOf(one)]));
}
