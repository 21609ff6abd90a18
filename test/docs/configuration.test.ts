import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { cliSettingDescriptions } from '../../src/config/cli.ts';
import { functionsHostSettingDescriptions } from '../../src/config/functions-host.ts';
import { mediaServiceSettingDescriptions } from '../../src/config/media-service.ts';
import type { SettingDescription } from '../../src/config/settings.ts';
import { workflowSettingDescriptions } from '../../src/config/workflow.ts';
import { errorCodes } from '../../src/streams/errors.ts';

function table(settings: readonly SettingDescription[]): string {
  const rows = settings.map(({ name, description, required, defaultValue }) => {
    const otherwise = required ? '*required*' : defaultValue === undefined ? '' : `\`${defaultValue}\``;
    return `| \`${name}\` | ${description} | ${otherwise} |`;
  });
  return ['| setting | what it is | default |', '|---|---|---|', ...rows].join('\n');
}

// After a change of a setting: `npx vitest run test/docs -u` writes the page anew.
it('the page of settings tells every setting as the programs read it', async () => {
  const page = `# Configuration

Settings come from the environment (in Azure: the app settings). Each program checks its own at start and lists
everything that is wrong at once, by name. An empty setting counts as absent.

## The workflow (the Function App)

\`local.settings.json.example\` has every one. The app keeps its own tables where the Functions host keeps its state:
\`AzureWebJobsStorage\`, or \`AzureWebJobsStorage__accountName\` with a managed identity.

${table(workflowSettingDescriptions)}

## The media service

Either \`STORAGE_CONNECTION_STRING\`, or the three \`STORAGE_…_URL\` with a managed identity.

${table(mediaServiceSettingDescriptions)}

## The Functions host of this machine

It reads them from the settings of the app it runs. A key that is not set opens nothing.

${table(functionsHostSettingDescriptions)}

## The command \`failover\`

${table(cliSettingDescriptions)}
`;
  await expect(page).toMatchFileSnapshot('../../docs/configuration.md');
});

it('the example of local settings has every setting of the workflow, and none that it does not read', async () => {
  const { Values } = JSON.parse(await readFile('local.settings.json.example', 'utf8')) as {
    Values: Record<string, string>;
  };
  const ofTheHost = ['FUNCTIONS_WORKER_RUNTIME', 'AzureWebJobsStorage'];
  expect(Object.keys(Values).filter((name) => !ofTheHost.includes(name))).toEqual(
    workflowSettingDescriptions.map(({ name }) => name),
  );
});

it('the operations page says of every error code what to do', async () => {
  const page = await readFile('docs/operations.md', 'utf8');
  const told = [...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, code]) => code);
  expect(told.toSorted()).toEqual(Object.keys(errorCodes).toSorted());
});
