/** A template as Azure would get it: every resource with its values, evaluated by the compiler without a connection. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Bicep, Compiled } from './bicep.ts';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };
export type JsonObject = Readonly<Record<string, Json>>;

export interface Resource {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly location?: string;
  readonly kind?: string;
  readonly sku?: JsonObject;
  readonly tags?: Readonly<Record<string, string>>;
  readonly properties: JsonObject;
}

export interface Snapshot {
  readonly resources: readonly Resource[];
  readonly outputs: Readonly<Record<string, Json>>;
  readonly text: string;
}

/** A copy of infra/ to compile in: snapshots are written beside their parameter files. */
export class Workspace {
  readonly #bicep: Bicep;
  readonly folder: string;

  private constructor(bicep: Bicep, folder: string) {
    this.#bicep = bicep;
    this.folder = folder;
  }

  static async create(bicep: Bicep): Promise<Workspace> {
    const folder = await mkdtemp(join(tmpdir(), 'infra-test-'));
    await cp(resolve('infra'), folder, { recursive: true });
    return new Workspace(bicep, folder);
  }

  compile(...parameters: readonly string[]): Promise<Compiled> {
    return this.#bicep.run(this.folder, ...parameters);
  }

  /** A parameter file like another one with other values. */
  async derive(name: string, from: string, values: Readonly<Record<string, string>>): Promise<void> {
    let text = await readFile(join(this.folder, `${from}.bicepparam`), 'utf8');
    for (const [parameter, value] of Object.entries(values)) {
      const line = `param ${parameter} = ${value}`;
      const old = new RegExp(`^param ${parameter} = .*$`, 'm');
      text = old.test(text) ? text.replace(old, line) : `${text}${line}\n`;
    }
    await writeFile(join(this.folder, `${name}.bicepparam`), text);
  }

  /** @throws Error with what the compiler said */
  async snapshot(name: string): Promise<Snapshot> {
    const compiled = await this.compile(
      'snapshot',
      `${name}.bicepparam`,
      ...['--subscription-id', '00000000-0000-0000-0000-000000000001'],
      ...['--tenant-id', '00000000-0000-0000-0000-000000000002'],
      ...['--location', 'northeurope', '--deployment-name', 'test'],
    );
    if (!compiled.ok) throw new Error(compiled.messages);
    const text = await readFile(join(this.folder, `${name}.snapshot.json`), 'utf8');
    const { predictedResources, diagnostics, outputs } = JSON.parse(text) as {
      predictedResources: readonly (Omit<Resource, 'properties'> & { properties?: JsonObject })[];
      diagnostics: readonly unknown[];
      outputs: Record<string, Json>;
    };
    if (diagnostics.length > 0) throw new Error(JSON.stringify(diagnostics));
    const resources = predictedResources.map((one) => ({ ...one, properties: one.properties ?? {} }));
    return { resources, outputs, text };
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

export function ofType(snapshot: Snapshot, type: string): readonly Resource[] {
  return snapshot.resources.filter((resource) => resource.type === type);
}

/** The last part of the resource group's name: `a`, `b` or `shared`; `subscription` outside of one. */
export function placeOf({ id }: { readonly id: string }): string {
  return /\/resourceGroups\/[^/]+-(a|b|shared)(\/|$)/.exec(id)?.[1] ?? 'subscription';
}

/** Every value of this name, however deep. */
export function valuesOf(value: Json, name: string): Json[] {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return (value as Json[]).flatMap((one) => valuesOf(one, name));
  return Object.entries(value as JsonObject).flatMap(([key, one]) => [
    ...(key === name ? [one] : []),
    ...valuesOf(one, name),
  ]);
}

/** The value at a path of names and positions; undefined when there is none. */
export function at(value: Json | undefined, ...path: readonly (string | number)[]): Json | undefined {
  return path.reduce<Json | undefined>(
    (inner, step) =>
      typeof inner === 'object' && inner !== null
        ? (inner as Readonly<Record<string | number, Json>>)[step]
        : undefined,
    value,
  );
}

/** A value as text: what only Azure evaluates is an expression. */
export function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
