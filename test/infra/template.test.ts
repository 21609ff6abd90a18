/**
 * The templates in infra/, held by the real Bicep compiler: what it says of them, and what they come to when every
 * expression is evaluated. Nothing is deployed.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findBicep } from './bicep.ts';
import { CompiledTemplates, type Templates } from './compiled-templates.ts';
import { edge } from './templates/edge.ts';
import { parts } from './templates/parts.ts';
import { settingsAndRoles } from './templates/settings-and-roles.ts';
import { twoDataCenters } from './templates/two-data-centers.ts';
import { watching } from './templates/watching.ts';

const bicep = await findBicep();
const missing = 'missing' in bicep ? bicep.missing : undefined;
if (missing !== undefined && process.env['CI'] === 'true') throw new Error(`CI needs it: ${missing}`);

describe.skipIf(missing)(`the templates${missing === undefined ? '' : ` (${missing})`}`, () => {
  let compiled: CompiledTemplates;
  const of: Templates = (name) => compiled.of(name);

  beforeAll(async () => {
    if (!('missing' in bicep)) compiled = await CompiledTemplates.compile(bicep);
  }, 300_000);
  afterAll(() => compiled.remove());

  it('compile and lint without an error or a warning', () => {
    const { built, linted } = compiled;
    expect([built.ok, built.messages]).toEqual([true, '']);
    expect([linted.ok, `${linted.messages}${linted.output}`]).toEqual([true, '']);
  });

  it('refuse one region for both data centers, and Traffic Manager without a host name and its certificate', () => {
    expect(compiled.refusal('same')).toContain('must be two regions');
    for (const name of ['unnamed', 'uncertified'] as const) {
      expect(compiled.refusal(name)).toContain('needs customDomain and its certificate');
    }
  });

  twoDataCenters(of);
  settingsAndRoles(of);
  parts(of);
  edge(of);
  watching(of);
});
