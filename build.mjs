/**
 * Bundles every program into dist/. The Function App (dist/functions/main.js) is one CommonJS file with its
 * dependencies inside, so that what is deployed stays small and loads fast; the programs for one machine leave
 * their packages in node_modules.
 *
 *   node build.mjs [--report]   --report prints each bundle's size
 */
import { build } from 'esbuild';
import { cp } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({ options: { report: { type: 'boolean', default: false } } });

const shared = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  sourcemap: true,
  logLevel: 'warning',
  metafile: true,
};

const functionApp = {
  ...shared,
  entryPoints: { 'functions/main': 'src/functions/main.ts' },
  outdir: 'dist',
  format: 'cjs',
  // The Functions host supplies this module to the worker; it is on no registry.
  external: ['@azure/functions-core'],
  minifySyntax: true,
  // A dependency asks for its place in the way of ES modules, which CommonJS does not have.
  define: { 'import.meta.url': 'moduleUrl' },
  banner: { js: "const moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
};

const programs = {
  ...shared,
  entryPoints: Object.fromEntries(
    [
      ['media-service/main', 'src/media-service/main.ts'],
      ['local/start', 'src/local/start.ts'],
      ['local/caretaker', 'src/local/stack/caretaker.ts'],
      ['local/edge', 'src/local/edge/main.ts'],
      ['local/functions-host', 'src/local/functions-host/main.ts'],
      ['cli/main', 'src/cli/main.ts'],
      ['bench/main', 'bench/main.ts'],
      ['bench/copy-process', 'bench/copy-process.ts'],
    ].filter(([, source]) => existsSync(source)),
  ),
  outdir: 'dist',
  outExtension: { '.js': '.mjs' },
  format: 'esm',
  packages: 'external',
};

const webPages = {
  bundle: true,
  minify: true,
  platform: 'browser',
  target: 'es2022',
  logLevel: 'warning',
  metafile: true,
  entryPoints: ['player'].map((page) => `src/web/${page}.ts`).filter((source) => existsSync(source)),
  outdir: 'dist/web',
};

const builds = [functionApp, programs, webPages].filter(({ entryPoints }) =>
  (Array.isArray(entryPoints) ? entryPoints : Object.values(entryPoints)).some((source) =>
    existsSync(source),
  ),
);
const results = await Promise.all(builds.map((options) => build(options)));
if (existsSync('src/web')) {
  await cp('src/web', 'dist/web', { recursive: true, filter: (source) => !/\.(ts|json)$/.test(source) });
}
if (options.report) {
  for (const [file, { bytes }] of results.flatMap(({ metafile }) => Object.entries(metafile.outputs))) {
    if (!file.endsWith('.map')) console.log(`${(bytes / 1024).toFixed(0).padStart(6)} KiB  ${file}`);
  }
}
