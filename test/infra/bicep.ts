import { execFile } from 'node:child_process';
import { access, chmod, constants, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What the compiler printed; `ok` is false when it ended with an error. */
export interface Compiled {
  readonly ok: boolean;
  readonly output: string;
  /** Errors and warnings. */
  readonly messages: string;
}

export interface Bicep {
  readonly path: string;
  run(directory: string, ...parameters: readonly string[]): Promise<Compiled>;
}

/** Brought from NuGet when the machine has no compiler of its own. */
const packagedVersion = '0.49.2';

/** The real compiler: `bicep` on PATH, the one that `az bicep` installs, or the NuGet package. */
export async function findBicep(): Promise<Bicep | { readonly missing: string }> {
  const file = process.platform === 'win32' ? 'bicep.exe' : 'bicep';
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const azure = process.env['AZURE_CONFIG_DIR'] ?? join(homedir(), '.azure');
  const candidates = [...folders.map((folder) => join(folder, file)), join(azure, 'bin', file)];
  for (const path of candidates) if (await knowsSnapshots(path)) return compiler(path);
  const packaged = await fromNuGet(file).catch((error: unknown) => String(error));
  if (typeof packaged !== 'string') return packaged;
  return {
    missing: `no Bicep compiler (bicep, az bicep, or dotnet to restore it: ${packaged.slice(0, 200)})`,
  };
}

async function knowsSnapshots(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    const { stdout } = await run(path, ['snapshot', '--help']);
    return stdout.includes('snapshot');
  } catch {
    return false;
  }
}

/** In the user's package folder, where `dotnet restore` keeps packages: brought once a machine. */
async function fromNuGet(file: string): Promise<Bicep> {
  const system = { linux: 'linux', darwin: 'osx', win32: 'win' }[process.platform as string] ?? 'linux';
  const name = `Azure.Bicep.CommandLine.${system}-${process.arch}`;
  const packages = process.env['NUGET_PACKAGES'] ?? join(homedir(), '.nuget', 'packages');
  const path = join(packages, name.toLowerCase(), packagedVersion, 'tools', file);
  if (!(await exists(path))) await restore(name);
  await chmod(path, 0o755);
  return compiler(path);
}

async function restore(name: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'bicep-restore-'));
  try {
    const project = `<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><TargetFramework>net8.0</TargetFramework></PropertyGroup>
  <ItemGroup><PackageDownload Include="${name}" Version="[${packagedVersion}]" /></ItemGroup>
</Project>`;
    await writeFile(join(folder, 'bicep.csproj'), project);
    await run('dotnet', ['restore', folder], { env: { ...process.env, DOTNET_CLI_TELEMETRY_OPTOUT: '1' } });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function compiler(path: string): Bicep {
  // Parameter files read the environment: a test's results must not hang on the machine's.
  const env = {
    PATH: process.env['PATH'],
    HOME: homedir(),
    DOTNET_SYSTEM_GLOBALIZATION_INVARIANT: '1',
    // Each run is short: a fifth of its time would go into preparing for a long one.
    DOTNET_TieredPGO: '0',
    DOTNET_gcConcurrent: '0',
  };
  return {
    path,
    async run(directory, ...parameters) {
      try {
        const options = { cwd: directory, env, maxBuffer: 64 * 2 ** 20 };
        const { stdout, stderr } = await run(path, [...parameters], options);
        return { ok: true, output: stdout, messages: stderr };
      } catch (error) {
        const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
        return { ok: false, output: stdout, messages: `${stderr}${stdout}` };
      }
    },
  };
}
