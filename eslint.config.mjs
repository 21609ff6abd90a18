import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Every folder or file of src that another one could import. */
const parts = [
  'functions', 'orchestrations', 'activities', 'streams', 'media-services-client', 'blob-copy',
  'media-service', 'local', 'cli', 'web', 'config', 'telemetry',
]; // prettier-ignore

/**
 * What a part of src may import of its siblings (docs/architecture.md draws it); `types` are open to
 * `import type` only, `files` are single modules of a part that is closed otherwise.
 */
function mayImport(part, { values = [], types = [], files = [] }) {
  const closed = parts.filter((other) => other !== part && !values.includes(other));
  const typesOnly = closed.filter((other) => types.includes(other));
  const never = closed.filter((other) => !types.includes(other));
  const allowedFiles = files.map((file) => `(?!${file})`).join('');
  const rule = (names, allowTypeImports) => ({
    regex: `^(\\.\\./)+${allowedFiles}(${names.join('|')})(/|\\.ts$)`,
    allowTypeImports,
    message: `src/${part} may not import this${allowTypeImports ? ', except for its types' : ''}.`,
  });
  return {
    files: [`src/${part}/**/*.ts`],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        { patterns: [rule(never, false), ...(typesOnly.length > 0 ? [rule(typesOnly, true)] : [])] },
      ],
    },
  };
}

/** One way to keep a member to its class, and it holds at run time, too. A constructor has no `#`. */
const hashForPrivate = {
  selector: ':matches(PropertyDefinition, MethodDefinition[kind!="constructor"])[accessibility="private"]',
  message: 'Write #name.',
};

export default tseslint.config(
  { ignores: ['dist', 'node_modules', '.local', 'coverage', 'infra'] },
  js.configs.recommended,
  { rules: { 'no-duplicate-imports': 'error' } },
  {
    files: ['**/*.ts', '**/*.mts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      'no-restricted-syntax': ['error', hashForPrivate],
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/config/**'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Read the environment in src/config only.' },
      ],
    },
  },
  {
    files: ['src/orchestrations/**/*.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        'process',
        'fetch',
        'setTimeout',
        'setInterval',
        'crypto',
        'performance',
      ],
      'no-restricted-syntax': [
        'error',
        hashForPrivate,
        {
          selector: "NewExpression[callee.name='Date'][arguments.length=0]",
          message: 'Use context.df.currentUtcDateTime.',
        },
        {
          selector: "MemberExpression[object.name='Date'][property.name='now']",
          message: 'Use context.df.currentUtcDateTime.',
        },
        {
          selector: "MemberExpression[object.name='Math'][property.name='random']",
          message: 'An orchestrator is deterministic.',
        },
        { selector: ':function[async=true]', message: 'An orchestrator is a generator; it never awaits.' },
        { selector: 'ImportDeclaration[source.value=/^node:/]', message: 'An orchestrator does no I/O.' },
      ],
    },
  },
  mayImport('functions', {
    values: ['orchestrations', 'activities', 'streams', 'config', 'telemetry'],
    types: ['media-services-client'],
  }),
  mayImport('orchestrations', { values: ['streams'], types: ['activities'] }),
  mayImport('activities', {
    values: ['media-services-client', 'blob-copy', 'streams', 'telemetry'],
    types: ['config'],
    files: ['media-service/model', 'config/table-endpoint'],
  }),
  mayImport('streams', { files: ['media-service/model'] }),
  mayImport('media-services-client', { files: ['media-service/model'] }),
  mayImport('blob-copy', {}),
  mayImport('media-service', { values: ['config'] }),
  mayImport('config', { values: ['streams'] }),
  mayImport('web', { types: ['streams'] }),
  {
    files: ['test/**/*.ts', 'bench/**/*.ts'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off', '@typescript-eslint/require-await': 'off' },
  },
  {
    files: ['*.mjs'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly' } },
  },
);
