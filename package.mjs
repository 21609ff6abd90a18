/**
 * Lays out what is deployed, as folders of files that need nothing else of this project:
 * - `workflow`: the package that goes to the Function Apps. Everything is bundled, so its package.json names the entry
 *   and no dependency. No source maps: they are three quarters of the size and nothing in Azure reads them.
 * - `media-service`: what the container image holds; made from src alone, so that the image's build needs no more.
 * Prints the sizes and how long the workflow takes to load: it is paid at every cold start.
 *
 *   node build.mjs && node package.mjs [workflow] [media-service] [--out FOLDER]    both unless one is named
 */
import { execFileSync } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const { values: options, positionals } = parseArgs({
  options: { out: { type: 'string', default: 'dist/package' } },
  allowPositionals: true,
});
const wanted = positionals.length > 0 ? positionals : ['workflow', 'media-service'];
const { name, version, license } = JSON.parse(await readFile('package.json', 'utf8'));
const workflow = resolve(options.out, 'workflow');
const mediaService = resolve(options.out, 'media-service');

if (wanted.includes('workflow')) {
  await rm(workflow, { recursive: true, force: true });
  await layWorkflow();
  await tell('The workflow', workflow);
  console.log(`The workflow loads in ${await loadTime()} ms (median of 5).`);
}
if (wanted.includes('media-service')) {
  await rm(mediaService, { recursive: true, force: true });
  await layMediaService();
  await tell('The media service', mediaService);
}

async function layWorkflow() {
  await mkdir(join(workflow, 'functions'), { recursive: true });
  for (const file of await readdir('dist/functions')) {
    if (file.endsWith('.js')) await cp(join('dist/functions', file), join(workflow, 'functions', file));
  }
  await cp('host.json', join(workflow, 'host.json'));
  await writeJson(join(workflow, 'package.json'), { name, version, license, main: 'functions/main.js' });
}

async function layMediaService() {
  await build({
    entryPoints: {
      main: 'src/media-service/main.ts',
      'encode-one': 'src/media-service/encode-one.ts',
    },
    outdir: join(mediaService, 'media-service'),
    outExtension: { '.js': '.mjs' },
    bundle: true,
    // What is loaded when it is needed stays a file of its own.
    splitting: true,
    chunkNames: 'chunk-[hash]',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    minifySyntax: true,
    minifyWhitespace: true,
    keepNames: true,
    logLevel: 'warning',
    // Packages in CommonJS ask for Node's own modules in their way.
    banner: {
      js: "import { createRequire as create } from 'node:module'; const require = create(import.meta.url);",
    },
  });
  await writeJson(join(mediaService, 'package.json'), { name: `${name}-media-service`, version, license });
}

function writeJson(file, value) {
  return writeFile(file, `${JSON.stringify({ ...value, private: true }, undefined, 2)}\n`);
}

async function tell(what, folder) {
  const files = await readdir(folder, { recursive: true });
  const stats = await Promise.all(files.map((file) => stat(join(folder, file))));
  const bytes = stats.reduce((sum, one) => sum + (one.isFile() ? one.size : 0), 0);
  const count = stats.filter((one) => one.isFile()).length;
  console.log(`${what}: ${(bytes / 2 ** 20).toFixed(1)} MiB in ${count} files.`);
}

/** Milliseconds until every function is registered, from the package as it is. */
async function loadTime() {
  const { Values: settings } = JSON.parse(await readFile('local.settings.json.example', 'utf8'));
  const program = `
    console.warn = () => {}; // Outside of a host every registration warns.
    const started = performance.now();
    require(${JSON.stringify(join(workflow, 'functions', 'main.js'))});
    console.log(performance.now() - started);
    process.exit();`;
  const load = () =>
    Number(execFileSync(process.execPath, ['-e', program], { env: settings, encoding: 'utf8' }));
  const [, , median] = Array.from({ length: 5 }, load).sort((a, b) => a - b);
  return median.toFixed(0);
}
