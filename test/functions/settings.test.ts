import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { ownTablesConfig, workflowConfig, workflowSettingDescriptions } from '../../src/config/workflow.ts';

interface LocalSettings {
  readonly Values: Readonly<Record<string, string>>;
}

const example = JSON.parse(await readFile('local.settings.json.example', 'utf8')) as LocalSettings;

describe('local.settings.json.example', () => {
  it('lists every setting of the workflow, and no other', () => {
    const own = ['FUNCTIONS_WORKER_RUNTIME', 'AzureWebJobsStorage'];
    expect(Object.keys(example.Values).sort()).toEqual(
      [...workflowSettingDescriptions.map(({ name }) => name), ...own].sort(),
    );
  });

  it('is a configuration that the app starts with', () => {
    expect(workflowConfig(example.Values)).toMatchObject({ home: 'a', resync: { mode: 'repair' } });
    expect(ownTablesConfig(example.Values)).toMatchObject({ kind: 'key' });
  });
});

describe('the schedule of re-sync', () => {
  it.each(['0 */5 * * * *', '*/3 * * * * *', '0 30 4 * * MON-FRI'])('may be %s', (schedule) => {
    const { resync } = workflowConfig({ ...example.Values, RESYNC_SCHEDULE: schedule });
    expect(resync.schedule).toBe(schedule);
  });

  it.each(['*/5 * * * *', 'every five minutes', '0 */5 * * *  * 2030', '0 61 * * * *'])(
    'may not be %s, which would leave the app without its timer',
    (schedule) => {
      expect(() => workflowConfig({ ...example.Values, RESYNC_SCHEDULE: schedule })).toThrow(
        'RESYNC_SCHEDULE: must be an NCRONTAB expression',
      );
    },
  );
});

describe("the app's own tables", () => {
  it("are in the account of the Functions host's storage, by key or by identity", () => {
    expect(ownTablesConfig({ AzureWebJobsStorage: 'AccountName=x' })).toEqual({
      kind: 'key',
      connectionString: 'AccountName=x',
    });
    expect(ownTablesConfig({ AzureWebJobsStorage__accountName: 'films' })).toEqual({
      kind: 'identity',
      tableUrl: 'https://films.table.core.windows.net',
      clientId: undefined,
    });
    expect(
      ownTablesConfig({
        AzureWebJobsStorage__tableServiceUri: 'https://films.table.core.usgovcloudapi.net',
        AzureWebJobsStorage__clientId: 'the-identity',
      }),
    ).toMatchObject({ tableUrl: 'https://films.table.core.usgovcloudapi.net', clientId: 'the-identity' });
    expect(() => ownTablesConfig({})).toThrow(/AzureWebJobsStorage: is not set/);
  });
});

describe('host.json', () => {
  it('is one that the real host starts with', async () => {
    const host = JSON.parse(await readFile('host.json', 'utf8')) as {
      extensions: {
        durableTask: { hubName: string; defaultVersion: string; storageProvider: Record<string, string> };
      };
    };
    const { hubName, defaultVersion, storageProvider } = host.extensions.durableTask;
    // As numbers, which is how versions are compared.
    expect(defaultVersion).toMatch(/^\d+\.\d+$/);
    expect(hubName).toMatch(/^[A-Za-z][A-Za-z0-9]{2,44}$/);
    // Both must be 1 to 60 minutes, or the host does not start.
    expect(storageProvider['controlQueueVisibilityTimeout']).toBe('00:01:00');
    expect(storageProvider['workItemQueueVisibilityTimeout']).toBe('00:01:00');
  });
});
