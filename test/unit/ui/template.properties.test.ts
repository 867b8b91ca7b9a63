/** Templates: any text is one, or is refused with its place; what a machine says cannot leave its cell. */
import fc from 'fast-check'
import t from 'tap'
import { compileFormat } from '../../../src/ui/machine-format.js'
import type { ShownMachine } from '../../../src/ui/machine-list.js'
import { compileTemplate, type Value } from '../../../src/ui/template/index.js'
import {
  checkBounded,
  forAll,
  hostileJson,
  hostileText,
  INHERITED_KEYS,
  OBEYED,
  pumps,
  refusedOr,
} from '../../helpers/properties.js'

const WORDS = [
  ...[
    '{{.',
    '{{- ',
    ' -}}',
    '{{',
    '}}',
    '{{if .}}',
    '{{else if .}}',
    '{{else}}',
    '{{end}}',
    '{{range .}}',
    '{{with .}}',
    '{{break}}',
  ],
  ...[
    '{{$x := .}}',
    '$x',
    '.Name',
    '.constructor',
    '.__proto__',
    'index . "__proto__"',
    'printf "%',
    '%999999999d',
    '%*d',
    '%c',
    '"',
    '`',
  ],
  ...[
    '"\\U00110000"',
    '"\\ud800"',
    "'a'",
    '0x_',
    '0b_',
    '0o',
    '08',
    '1e999',
    '-1',
    '9999999999999999999999',
    'json',
    'len',
    'slice',
    '|',
    '(',
  ],
]

t.test('any text is a template or is refused in words', async (t) => {
  const sources = fc
    .array(
      fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...WORDS) }, { weight: 1, arbitrary: hostileText() }),
      { maxLength: 8 },
    )
    .map((all) => all.join(' '))
  await forAll(t, 'compile and run', fc.tuple(sources, hostileJson('Name')), ([source, value]) => {
    const text = refusedOr(() => compileTemplate(source)(value as Value))
    return text === undefined || typeof text === 'string'
  })
  const examples = [
    ...[
      '{{"\\U00110000"}}',
      '{{0x_}}',
      '{{0b_}}',
      '{{printf "%c" -1}}',
      '{{printf "%c" 1114112}}',
      '{{printf "%1000000000d" 1}}',
      '{{1e999}}',
    ],
    ...[
      '{{printf "%*d" 1000000000 1}}',
      '{{printf "%.*f" 1000000000 1.0}}',
      '{{range 100000}}{{range 100000}}x{{end}}{{end}}',
      '{{slice "abc" -1}}',
    ],
    ...[
      '('.repeat(50_000),
      `{{${'('.repeat(50_000)}`,
      '{{if .}}'.repeat(8_000),
      '{{if .}}{{else '.repeat(5_000),
      `{{print${' .'.repeat(200_000)}}}`,
    ],
  ]
  for (const source of examples) {
    const text = refusedOr(() => compileTemplate(source)({}))
    t.ok(text === undefined || text.length < 2_000_000, source.slice(0, 40))
  }
})

t.test('a text is printed as it is, and JSON comes back', async (t) => {
  await forAll(t, 'text', hostileText(), (value) => {
    if (compileTemplate('{{.Name}}')({ Name: value }) !== value) throw new Error('not literal')
    return JSON.parse(compileTemplate('{{json .Name}}')({ Name: value })) === value
  })
  await forAll(t, 'json', hostileJson(), (value) => {
    const text = compileTemplate('{{json .}}')(value as Value)
    return text === '<no value>' || sorted(JSON.parse(text)) === sorted(value)
  })
  await forAll(
    t,
    'a literal of Go',
    // Go has no literal for half a surrogate pair.
    hostileText().map((value) => value.replace(/\p{Surrogate}/gu, '?')),
    (value) => compileTemplate(`{{${goLiteral(value)}}}`)({}) === value,
  )
  await forAll(
    t,
    'fields',
    fc.tuple(fc.constantFrom(...INHERITED_KEYS), fc.constantFrom('{{.K}}', '{{index . "K"}}')),
    ([key, form]) => compileTemplate(form.replace('K', key))({}) === '<no value>',
  )
})

function sorted(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))
      : inner,
  )
}

function goLiteral(value: string): string {
  const codes = [...value].map((character) => (character.codePointAt(0) ?? 0).toString(16).padStart(8, '0'))
  return `"${codes.map((code) => `\\U${code}`).join('')}"`
}

t.test('ls --format: what a machine says of itself begins no row and no cell of a table', async (t) => {
  await forAll(t, 'table', hostileText('\t', '\n', 'web2\tRunning'), (label) => {
    const machine = { ...shown, url: label, error: label, engineOptions: { Labels: [label], Env: [label] } }
    const table = compileFormat('table {{.Name}}\t{{.URL}}\t{{.EngineOptions.Labels}}\t{{.Error}}')([machine])
    return table.split('\n').length === 3 && !OBEYED.test(table)
  })
  await forAll(
    t,
    'headers',
    fc.constantFrom(...INHERITED_KEYS),
    (key) => !compileFormat(`table {{index .${key} 0}}`)([]).includes('native code'),
  )
})

const shown: ShownMachine = {
  ...{ name: 'web', active: false, activeSwarm: false, driver: 'none', state: 'Running', url: '', swarm: '' },
  ...{ engine: '', error: '', responseMs: 1 },
}

t.test('long texts take no longer than their length', async (t) => {
  const texts = pumps('{{- ', '{{.}}', '{{/*', '{{"', '{{`', '.a', '{{$x', ' -}}', '{{"\\', '1_')
  checkBounded(t, 'in an action', texts, (text) => compileTemplate(`{{${text}}}`)({}))
  checkBounded(t, 'formats', texts, (text) => compileFormat(`table${text}`)([]))
})
