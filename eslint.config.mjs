// Import direction (docs/architecture.md) and house rules, enforced.
import importX, { createNodeResolver } from 'eslint-plugin-import-x'
import tseslint from 'typescript-eslint'

const ROOMS = [
  'tls',
  'ssh',
  'engine',
  'store',
  'images',
  'drivers',
  'ui',
  'machine',
  'cli',
  'commands',
  'util',
  'contracts',
]

/** Rooms that each room may import besides itself. */
const MAY_IMPORT = {
  contracts: [],
  util: ['contracts'],
  tls: ['util', 'contracts'],
  ssh: ['util', 'contracts'],
  engine: ['util', 'contracts'],
  store: ['util', 'contracts'],
  images: ['util', 'contracts'],
  ui: ['util', 'contracts'],
  drivers: ['util', 'contracts'],
  machine: ['drivers', 'provision', 'tls', 'ssh', 'engine', 'store', 'images', 'util', 'contracts'],
  commands: ['cli', 'machine', 'ui', 'util', 'contracts'],
}

const zones = Object.entries(MAY_IMPORT).flatMap(([room, allowed]) => [
  ...ROOMS.filter((other) => other !== room && !allowed.includes(other)).map((other) => ({
    target: `./src/${room}`,
    from: `./src/${other}`,
    message: `${room} must not import ${other}`,
  })),
  ...(allowed.includes('provision') ? [] : [{ target: `./src/${room}`, from: './provision' }]),
  { target: `./src/${room}`, from: './image-build' },
])
for (const other of ROOMS.filter((room) => room !== 'util' && room !== 'contracts'))
  zones.push({ target: './provision', from: `./src/${other}` })
zones.push({ target: './image-build', from: './src' }, { target: './image-build', from: './provision' })

// Our imports say `.js`, which is what they become: without the alias no import resolves and no zone is ever violated.
const resolver = createNodeResolver({ extensions: ['.ts', '.js'], extensionAlias: { '.js': ['.ts', '.js'] } })

export default tseslint.config(
  { ignores: ['dist/**', 'dist-packages/**', 'node_modules/**', '.tap/**', 'oclif.manifest.json'] },
  ...tseslint.configs.recommendedTypeChecked.map((config) => ({ ...config, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: {
      parserOptions: { project: './tsconfig.check.json', tsconfigRootDir: import.meta.dirname },
    },
    plugins: { 'import-x': importX },
    settings: { 'import-x/resolver-next': [resolver] },
    rules: {
      'import-x/no-restricted-paths': ['error', { zones }],
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
    files: ['test/**/*.ts', 'bench/**/*.ts', 'tools/**/*.ts'],
    rules: {
      '@typescript-eslint/no-floating-promises': 'off',
      '@typescript-eslint/no-misused-promises': 'off',
      '@typescript-eslint/require-await': 'off',
    },
  },
)
