// Import direction (docs/architecture.md) and house rules, enforced.
import tseslint from 'typescript-eslint'

/** Every room, and which others it may import. Paths between rooms are relative and name the room. */
const MAY_IMPORT = {
  'src/contracts': [],
  'src/util': ['contracts'],
  'src/tls': ['util', 'contracts'],
  'src/ssh': ['util', 'contracts'],
  'src/engine': ['util', 'contracts'],
  'src/store': ['util', 'contracts'],
  'src/images': ['util', 'contracts'],
  'src/ui': ['util', 'contracts'],
  'src/drivers': ['util', 'contracts'],
  'src/machine': ['drivers', 'provision', 'tls', 'ssh', 'engine', 'store', 'images', 'util', 'contracts'],
  'src/commands': ['cli', 'machine', 'ui', 'util', 'contracts'],
  provision: ['util', 'contracts'],
  'image-build': [],
}
const ROOMS = ['cli', ...Object.keys(MAY_IMPORT).map((room) => room.replace('src/', ''))]

/** src/util/abort.ts has what says the same and never waits without end. */
const LOST_ABORTS = [
  {
    selector: "CallExpression[callee.property.name='addEventListener'][arguments.0.value='abort']",
    message: 'onAbort: a listener is never told of an abort that has been',
  },
  {
    selector: "MemberExpression[object.name='AbortSignal'][property.name='timeout']",
    message: 'timeoutSignal: Node forgets the time of a signal that only AbortSignal.any knows',
  },
]

const importDirection = Object.entries(MAY_IMPORT).map(([room, allowed]) => {
  const refused = ROOMS.filter((other) => !allowed.includes(other) && !room.endsWith(other))
  const regex = `^(\\.{1,2}/)+(src/)?(${refused.join('|')})/`
  const message = `${room} may import only ${allowed.join(', ') || 'itself'}`
  const dynamic = `ImportExpression[source.value=/${regex.replaceAll('/', '\\x2f')}/]`
  return {
    files: [`${room}/**/*.ts`],
    rules: {
      'no-restricted-imports': ['error', { patterns: [{ regex, message }] }],
      'no-restricted-syntax': ['error', { selector: dynamic, message }, ...LOST_ABORTS],
    },
  }
})

export default tseslint.config(
  { ignores: ['dist/**', 'dist-packages/**', 'node_modules/**', '.tap/**', 'oclif.manifest.json'] },
  ...tseslint.configs.recommendedTypeChecked.map((config) => ({ ...config, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: {
      parserOptions: { project: './tsconfig.check.json', tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      'max-lines': ['warn', { max: 400 }],
    },
  },
  {
    files: ['src/**/*.ts', 'provision/**/*.ts'],
    ignores: ['src/util/**', 'src/cli/**', 'src/ui/**'],
    rules: {
      'no-console': 'error',
      'no-restricted-globals': ['error', 'setTimeout', 'setInterval'],
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'exit' },
        {
          object: 'process',
          property: 'env',
          message: 'The composition root in src/cli reads the environment.',
        },
        { object: 'process', property: 'cwd' },
      ],
    },
  },
  {
    files: ['src/**/*.ts', 'provision/**/*.ts', 'templates/*/src/**/*.ts'],
    rules: { 'no-restricted-syntax': ['error', ...LOST_ABORTS] },
  },
  ...importDirection,
  {
    files: ['test/**/*.ts', 'bench/**/*.ts', 'tools/**/*.ts', 'templates/*/test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-floating-promises': 'off',
      '@typescript-eslint/no-misused-promises': 'off',
      '@typescript-eslint/require-await': 'off',
    },
  },
)
