/**
 * Copying between two storage accounts: this project's blob copy beside rclone, the tool one would pick instead. Both
 * accounts are in one process of the emulator, and every contender is a process of its own, its start included.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  AccountSASPermissions,
  AccountSASResourceTypes,
  AccountSASServices,
  BlobServiceClient,
  generateAccountSASQueryParameters,
  SASProtocol,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import type { ContainerSasUrl } from '../src/blob-copy/container-sas.ts';
import { startAzurite, type EmulatedAccount } from '../src/local/azurite.ts';
import type { Benchmark, BenchmarkOptions, Contender, Outcome, Work } from './benchmark.ts';
import { blockSize, uploadLarge, uploadMany } from './copy-data.ts';
import type { ProcessCopy, ProcessCopyResult } from './copy-process.ts';
import { findOnPath, runMeasured } from './measured-process.ts';

/** Blobs at a time, for every contender. */
const parallel = 32;

export const copyBenchmark: Benchmark = {
  name: 'copy',
  title: 'Copying blobs between two storage accounts (one emulator)',
  missing: () => undefined,
  async prepare(options) {
    const location = await mkdtemp(join(tmpdir(), 'bench-copy-'));
    const azurite = await startAzurite({ location, accounts: { benchone: undefined, benchtwo: undefined } });
    const close = async (): Promise<void> => {
      await azurite.close();
      await rm(location, { recursive: true, force: true });
    };
    try {
      return {
        works: await worksOf(azurite.account('benchone'), azurite.account('benchtwo'), options),
        close,
      };
    } catch (error) {
      await close();
      throw error;
    }
  },
};

async function worksOf(
  one: EmulatedAccount,
  two: EmulatedAccount,
  { quick }: BenchmarkOptions,
): Promise<readonly Work[]> {
  const [many, blocks] = quick ? [100, 8] : [2000, 256];
  const source = BlobServiceClient.fromConnectionString(one.connectionString);
  const [manyBlobs, largeBlob] = [source.getContainerClient('many'), source.getContainerClient('large')];
  await manyBlobs.create();
  await uploadMany(manyBlobs, many);
  await largeBlob.create();
  await uploadLarge(largeBlob, blocks);
  const note =
    'The emulator copies on the service side by reference: such times say how many calls are made, no more.';
  return [
    {
      title: `${many.toLocaleString('en')} blobs of 4 KiB`,
      unit: 's',
      contenders: contendersFor('many', one, two),
      note,
    },
    {
      title: `One blob of ${(blocks * blockSize) / 2 ** 20} MiB`,
      unit: 's',
      contenders: contendersFor('large', one, two),
      note,
    },
  ];
}

function contendersFor(container: string, one: EmulatedAccount, two: EmulatedAccount): readonly Contender[] {
  return [
    {
      name: 'streamed, this project',
      run: () => withNewTarget(two, (target) => runOurs(container, one, two, target, 'streamed')),
    },
    {
      name: 'streamed, rclone',
      run: () => withNewTarget(two, (target) => runRclone(container, one, two, target, [])),
    },
    {
      name: 'service side, this project',
      run: () => withNewTarget(two, (target) => runOurs(container, one, two, target, 'server-side first')),
    },
    {
      name: 'service side, rclone',
      run: () =>
        withNewTarget(two, (target) =>
          runRclone(container, one, two, target, ['--server-side-across-configs']),
        ),
    },
  ];
}

let targets = 0;

/** Every run copies into a container of its own, which is removed with what it holds. */
async function withNewTarget(
  account: EmulatedAccount,
  run: (container: string) => Promise<Outcome>,
): Promise<Outcome> {
  targets += 1;
  const container = BlobServiceClient.fromConnectionString(account.connectionString).getContainerClient(
    `target-${targets}`,
  );
  await container.create();
  try {
    return await run(container.containerName);
  } finally {
    await container.delete();
  }
}

async function runOurs(
  source: string,
  one: EmulatedAccount,
  two: EmulatedAccount,
  target: string,
  way: ProcessCopy['way'],
): Promise<Outcome> {
  const program = fileURLToPath(new URL('copy-process.mjs', import.meta.url));
  const copy: ProcessCopy = {
    source: `${one.blobUrl}/${source}?${accountSas(one)}` as ContainerSasUrl,
    target: `${two.blobUrl}/${target}?${accountSas(two)}` as ContainerSasUrl,
    way,
    parallel,
  };
  const { stdout, seconds, peakMemory } = await runMeasured(process.execPath, [program], {
    COPY: JSON.stringify(copy),
  });
  const result = JSON.parse(stdout) as ProcessCopyResult;
  if (way !== 'streamed' && result.ways.includes('streamed')) {
    return { skipped: 'this emulator has no Put Block From URL (the copy was streamed instead)' };
  }
  return { value: seconds, peakMemory: result.memory?.peak ?? peakMemory };
}

async function runRclone(
  source: string,
  one: EmulatedAccount,
  two: EmulatedAccount,
  target: string,
  more: readonly string[],
): Promise<Outcome> {
  const rclone = findOnPath('rclone');
  if (rclone === undefined) return { skipped: 'rclone is not on PATH' };
  const lanes = String(parallel);
  const { seconds, peakMemory } = await runMeasured(
    rclone,
    ['copy', `A:${source}`, `B:${target}`, '--transfers', lanes, '--checkers', lanes, ...more],
    {
      RCLONE_CONFIG: '/dev/null',
      RCLONE_CONFIG_A_TYPE: 'azureblob',
      RCLONE_CONFIG_A_SAS_URL: `${one.blobUrl}?${accountSas(one)}`,
      RCLONE_CONFIG_B_TYPE: 'azureblob',
      RCLONE_CONFIG_B_SAS_URL: `${two.blobUrl}?${accountSas(two)}`,
    },
  );
  return { value: seconds, peakMemory };
}

/** For the whole account: what rclone wants; the containers' URLs take it as well. */
function accountSas(account: EmulatedAccount): string {
  return generateAccountSASQueryParameters(
    {
      services: AccountSASServices.parse('b').toString(),
      resourceTypes: AccountSASResourceTypes.parse('sco').toString(),
      permissions: AccountSASPermissions.parse('rwdlacut'),
      protocol: SASProtocol.HttpsAndHttp,
      expiresOn: new Date(Date.now() + 6 * 3_600_000),
    },
    new StorageSharedKeyCredential(account.name, account.key),
  ).toString();
}
