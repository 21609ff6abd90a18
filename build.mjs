/**
 * Bundles every program into dist/. The Function App (dist/functions) is CommonJS with its dependencies inside, so
 * that what is deployed stays small and loads fast; the programs for one machine leave their packages in
 * node_modules.
 *
 *   node build.mjs [--report]   --report prints each program's size
 */
import { cp } from 'node:fs/promises';
import { build } from 'esbuild';
import { parseArgs } from 'node:util';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Node.js 20.19 or newer is needed; this is ${process.versions.node}.`);
  process.exit(1);
}

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
  minify: true,
  keepNames: true,
  // Calls `require` in its place: a native import does not see the names that a minified CommonJS file exports.
  supported: { 'dynamic-import': false },
  // A dependency asks for its place in the way of ES modules, which CommonJS does not have.
  define: { 'import.meta.url': 'moduleUrl' },
  banner: { js: "const moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
};

/** Half of all the code, and loaded only when Application Insights is configured: a file of its own. */
const applicationInsights = {
  ...functionApp,
  entryPoints: { 'functions/applicationinsights': 'applicationinsights' },
};
functionApp.plugins = [
  {
    name: 'application-insights-apart',
    setup: ({ onResolve }) =>
      onResolve({ filter: /^applicationinsights$/ }, () => ({
        path: './applicationinsights.js',
        external: true,
      })),
  },
];

const programs = {
  ...shared,
  entryPoints: {
    'media-service/main': 'src/media-service/main.ts',
    'media-service/encode-one': 'src/media-service/encode-one.ts',
    'local/start': 'src/local/start.ts',
    'local/caretaker': 'src/local/stack/caretaker.ts',
    'local/edge': 'src/local/edge/main.ts',
    'local/functions-host': 'src/local/functions-host/main.ts',
    'cli/main': 'src/cli/main.ts',
    'bench/main': 'bench/main.ts',
    'bench/copy-process': 'bench/copy-process.ts',
  },
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
  entryPoints: ['src/web/player.ts'],
  outdir: 'dist/web',
};

const results = await Promise.all(
  [functionApp, applicationInsights, programs, webPages].map((options) => build(options)),
);
await cp('src/web', 'dist/web', { recursive: true, filter: (source) => !/\.(ts|json)$/.test(source) });
if (options.report) report(results.flatMap(({ metafile }) => Object.entries(metafile.outputs)));

/** Each program's size; `package.mjs` tells how long the Function App takes to load. */
function report(outputs) {
  for (const [file, { bytes }] of outputs) {
    if (!file.endsWith('.map')) console.log(`${(bytes / 1024).toFixed(0).padStart(6)} KiB  ${file}`);
  }
}
