import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { openApi } from '../../src/functions/openapi.ts';
import { errorCodes } from '../../src/streams/errors.ts';
import { presetNames } from '../../src/streams/presets.ts';
import { streamIdRule } from '../../src/streams/stream-id.ts';

const page = await readFile('docs/api.md', 'utf8');

it('the page of the API has every route that OpenAPI describes, and no other', () => {
  const { paths } = openApi() as { paths: Record<string, Record<string, unknown>> };
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{\w+\}/, '{id}')}`),
  );
  const told = [...page.matchAll(/^\| `((?:GET|POST) [^`]+)` \|/gm)].map(([, route]) => route);
  expect(told.toSorted()).toEqual(described.toSorted());
});

it('the page of the API tells the rules as the requests are checked', () => {
  expect(page).toContain(streamIdRule.replace('must be ', ''));
  for (const preset of presetNames) expect(page).toContain(`\`${preset}\``);
});

it('the page of the API tells the codes of refused requests, and those of runs only by their page', async () => {
  const source = await readFile('src/functions/problems.ts', 'utf8');
  const union = /RequestProblemCode =(.*?);/s.exec(source)![1]!;
  const codes = [...union.matchAll(/'([a-z-]+)'/g)].map(([, code]) => code);
  const told = [...page.matchAll(/^\| `([a-z-]+)` \| \d{3} \|/gm)].map(([, code]) => code);
  expect(told.toSorted()).toEqual(codes.toSorted());
  for (const code of told) expect(errorCodes).not.toHaveProperty(code!);
});
