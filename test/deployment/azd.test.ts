/** What `azd` reads and runs: azure.yaml, its hooks, and the names that they have in common with the templates. */
import { execFile } from 'node:child_process';
import {
  access,
  chmod,
  constants,
  cp,
  mkdir,
  mkdtemp,
  readFile,
  rm,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';

const run = promisify(execFile);

/** A folder with programs that only write down how they were called. */
async function recordingPrograms(
  ...names: readonly string[]
): Promise<{ readonly folder: string; readonly calls: () => Promise<string[]> }> {
  const folder = await mkdtemp(join(tmpdir(), 'azd-test-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const calls = join(folder, 'calls');
  for (const name of names) {
    await writeFile(join(folder, name), `#!/bin/sh\necho ${name} "$@" >> '${calls}'\n`);
    await chmod(join(folder, name), 0o755);
  }
  return {
    folder,
    calls: async () => {
      const lines = (await readFile(calls, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');
      await rm(calls, { force: true });
      return lines;
    },
  };
}

it('deploys each service to the part of the template that has its name, in its own group', async () => {
  const file = await readFile('azure.yaml', 'utf8');
  const templates = await Promise.all(
    ['main', 'modules/media-service', 'modules/workflow'].map((name) =>
      readFile(`infra/${name}.bicep`, 'utf8'),
    ),
  );
  const template = templates.join('\n');
  const services = [...file.matchAll(/^ {2}((?:workflow|media)-[ab]):/gm)].map(([, name]) => name);
  expect(services).toEqual(['workflow-a', 'workflow-b', 'media-a', 'media-b']);
  expect(template).toContain("'azd-service-name': 'workflow-${center.key}'");
  expect(template).toContain("var appName = 'media-${center.key}'");
  expect(template).toContain("'azd-service-name': appName");
  const groups = [...file.matchAll(/resourceGroup: \$\{(\w+)\}/g)].map(([, name]) => name);
  expect(groups).toEqual(['RESOURCE_GROUP_A', 'RESOURCE_GROUP_B', 'RESOURCE_GROUP_A', 'RESOURCE_GROUP_B']);
  for (const name of groups) expect(template).toContain(`output ${name} string`);
  // azd finds the registry by this name.
  expect(template).toContain('output AZURE_CONTAINER_REGISTRY_ENDPOINT string');
});

it('sends the package as it is laid out, by hooks that are there and may be run', async () => {
  const file = await readFile('azure.yaml', 'utf8');
  expect(file).toMatch(/workflow-a: &workflow\n {4}project: dist\/package\/workflow\n/);
  expect(file).toMatch(/host: function\n {4}remoteBuild: false\n/);
  const scripts = [...file.matchAll(/^ {4}run: (\S+)$/gm)].map(([, script = '']) => script);
  expect(scripts).toEqual(['infra/package.sh', 'infra/update-encoders.sh']);
  for (const script of scripts) await access(script, constants.X_OK);
  // Both ways to deploy: `azd up` and `azd deploy`.
  expect(file).toMatch(/^ {2}prepackage: &package$/m);
  expect(file).toMatch(/^ {2}predeploy: \*package$/m);
});

it('packages when a source is newer than the package, and not otherwise', async () => {
  const { folder, calls } = await recordingPrograms('npm');
  await mkdir(join(folder, 'infra'));
  await cp('infra/package.sh', join(folder, 'infra/package.sh'));
  await mkdir(join(folder, 'src/streams'), { recursive: true });
  const sources = ['host.json', 'package.json', 'package-lock.json', 'build.mjs', 'package.mjs'];
  for (const source of [...sources, 'src/streams/operation.ts']) await writeFile(join(folder, source), '');
  const env = { PATH: `${folder}:${process.env['PATH'] ?? ''}` };
  const hook = (): Promise<unknown> => run(join(folder, 'infra/package.sh'), { cwd: tmpdir(), env });

  await hook();
  expect(await calls()).toEqual(['npm ci', 'npm run package']);

  const made = join(folder, 'dist/package/workflow/package.json');
  await mkdir(join(folder, 'dist/package/workflow'), { recursive: true });
  await writeFile(made, '{}');
  const later = new Date(Date.now() + 60_000);
  await utimes(made, later, later);
  await hook();
  expect(await calls()).toEqual([]);

  const afterwards = new Date(later.getTime() + 60_000);
  await utimes(join(folder, 'src/streams/operation.ts'), afterwards, afterwards);
  await hook();
  expect(await calls()).toEqual(['npm ci', 'npm run package']);
});

it('gives each encoder the image of its own data center, in the subscription of azd', async () => {
  const { folder, calls } = await recordingPrograms('az');
  const env = {
    PATH: `${folder}:${process.env['PATH'] ?? ''}`,
    AZURE_SUBSCRIPTION_ID: 'the-subscription',
    RESOURCE_GROUP_A: 'rg-films-a',
    RESOURCE_GROUP_B: 'rg-films-b',
    ENCODER_A: 'encoder-a',
    ENCODER_B: 'encoder-b',
    SERVICE_MEDIA_A_IMAGE_NAME: 'registry.example/media-a:1',
    SERVICE_MEDIA_B_IMAGE_NAME: 'registry.example/media-b:2',
  };
  await run(resolve('infra/update-encoders.sh'), { env });
  const update = 'az containerapp job update --subscription the-subscription';
  expect(await calls()).toEqual([
    `${update} --resource-group rg-films-a --name encoder-a --image registry.example/media-a:1 --output none`,
    `${update} --resource-group rg-films-b --name encoder-b --image registry.example/media-b:2 --output none`,
  ]);
});

it('keeps what a later deployment must say again', async () => {
  const template = await readFile('infra/main.bicep', 'utf8');
  for (const file of ['main', 'trial']) {
    const parameters = await readFile(`infra/${file}.bicepparam`, 'utf8');
    const kept = [...parameters.matchAll(/^param (\w+) = readEnvironmentVariable\('(\w+)', ''\)$/gm)].map(
      ([, parameter, name]) => [parameter, name],
    );
    expect(kept).toEqual(
      expect.arrayContaining([
        ['budgetStart', 'BUDGET_START'],
        ['mediaServiceImageA', 'SERVICE_MEDIA_A_IMAGE_NAME'],
        ['mediaServiceImageB', 'SERVICE_MEDIA_B_IMAGE_NAME'],
      ]),
    );
  }
  expect(template).toContain('output BUDGET_START string = firstMonth');
});

it('is told in docs/deployment.md as it is', async () => {
  const page = await readFile('docs/deployment.md', 'utf8');
  const deployed = [...page.matchAll(/azd deploy ([^`\n]+)`/g)].map(([, services]) => services);
  // It takes one service at a time.
  expect(deployed.sort()).toEqual(['media-a', 'media-b', 'workflow-a', 'workflow-b']);
  const parameters = await readFile('infra/main.bicepparam', 'utf8');
  const set = [...page.matchAll(/azd env set ([A-Z_]+)/g)].map(([, name = '']) => name);
  expect(set).toContain('LOCATION_A');
  for (const name of set) expect(parameters).toContain(`readEnvironmentVariable('${name}'`);
  const template = await readFile('infra/main.bicep', 'utf8');
  const read = [...page.matchAll(/azd env get-value ([A-Z_]+)/g)].map(([, name = '']) => name);
  expect(read).toContain('EDGE_HOST');
  for (const name of read) expect(template).toContain(`output ${name} string`);
});
