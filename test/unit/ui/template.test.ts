import { readFileSync } from 'node:fs'
import t from 'tap'
import { compileTemplate, Struct, type Value } from '../../../src/ui/template/index.js'

interface Golden {
  /** A template, and what docker-machine's `inspect -f` printed for it; alone where it refused it. */
  readonly templates: readonly (readonly [template: string, output?: string])[]
}

function fixture(name: string): unknown {
  const file = new URL(`../../fixtures/docker-machine/${name}.json`, import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8'))
}

t.test(
  'templates print what docker-machine prints, and what it refuses is refused with its place',
  async (t) => {
    const machine = fixture('inspect') as Value
    const { templates } = fixture('templates') as Golden
    t.ok(templates.length > 150)
    for (const [template, output] of templates) {
      if (output !== undefined) t.equal(compileTemplate(template)(machine), output, template)
      else
        t.throws(() => compileTemplate(template)(machine), {
          code: 'usage',
          message: /^template(?: parsing error: template)?: \d+:\d+: \S/,
        })
    }
  },
)

const record: Value = {
  Name: 'web',
  Port: 22,
  List: ['a=1', 'b=2'],
  Nothing: null,
  'odd-key': 'x',
  Ports: [80, 443],
}

/** Where we take more than docker-machine's Go did. */
const MORE: readonly (readonly [template: string, expected: string])[] = [
  ['{{eq .Port 22}} {{lt .Port 22.5}} {{printf "%d %x" .Port .Port}}', 'true true 22 16'],
  ['{{index .List 1 | upper}} {{lower "A"}}', 'B=2 a'],
  ['{{join .List ","}} {{join .Ports "-"}} {{index (split .Name "e") 1}}', 'a=1,b=2 80-443 b'],
  ['{{range 3}}{{.}}{{end}}{{range 0}}x{{else}}-{{end}}', '012-'],
  ['{{index .Ports 0.0}}', '80'],
]

t.test(
  'numbers of JSON are whole numbers where they are, and lists and texts have a few more functions',
  async (t) => {
    for (const [template, expected] of MORE) t.equal(compileTemplate(template)(record), expected, template)
  },
)

/** [template, part of the message with its place] */
const FAULTS: readonly (readonly [template: string, message: RegExp])[] = [
  ['{{.Name', /parsing error: template: 1:1: unclosed action/],
  ['{{if .Name}}x', /1:3: \{\{if\}\} has no \{\{end\}\}/],
  ['x\n{{end}}', /2:3: unexpected \{\{end\}\}/],
  ['ü {{else}}', /1:5: unexpected \{\{else\}\}/],
  ['{{bogus .Name}}', /1:3: function "bogus" not defined/],
  ['{{$x}}', /undefined variable "\$x"/],
  ['{{$x = 1}}', /1:3: undefined variable "\$x"/],
  ['{{.Name | }}', /missing value for command/],
  ['{{.Name | 1}}', /can't give argument to non-function/],
  ['{{"open}}', /unterminated quoted string/],
  ['{{"\\y"}}', /unknown escape/],
  ['{{"a""b"}}', /1:6: unexpected ""b"" in operand/],
  ['{{.Name )}}', /unexpected "\)" in action/],
  ['{{&}}', /unexpected "&" in action/],
  ['{{nil}}', /1:3: nil is not a command/],
  ['{{09}}', /bad number syntax/],
  ["{{'ab'}}", /malformed character constant/],
  ['{{define "x"}}{{end}}', /1:3: \{\{define\}\} is not supported/],
  ['{{if .Name}}{{continue}}{{end}}', /1:15: \{\{continue\}\} outside \{\{range\}\}/],
  ['{{with $a, $b := .}}{{end}}', /too many declarations/],
  ['{{range .List}}{{else if .Name}}{{end}}', /unexpected "if" in action/],
  ['{{.Nothing.Sub}}', /^template: 1:3: executing: nil pointer evaluating interface \{\}\.Sub/],
  ['{{.Name.Sub}}', /can't evaluate field Sub in type string/],
  ['{{index .List 9}}', /error calling index: index out of range: 9/],
  ['{{index .Port 0}}', /can't index item of type float64/],
  ['{{index . 1}}', /value has type int; should be string/],
  ['{{slice .Name 2 1}}', /invalid slice index: 2 > 1/],
  ['{{len 3}}', /error calling len: len of type int/],
  ['{{eq .Name 1}}', /incompatible types for comparison: string and int/],
  ['{{lt true false}}', /invalid type for comparison: bool/],
  ['{{eq .List .List}}', /non-comparable type \[\]interface \{\}: \[a=1 b=2\]/],
  ['{{range .Name}}{{end}}', /range can't iterate over web/],
  ['{{range 1000000000}}{{end}}', /range can't iterate/],
  ['{{printf 1}}', /error calling printf: wrong type for value; expected string; got int/],
  ['{{join .Name ","}}', /expected a list; got string "web"/],
  ['{{not}}', /wrong number of args: want 1 got 0/],
  ['{{eq 1}}', /wrong number of args: want at least 2 got 1/],
]

t.test('faults of a template name their place and are usage errors', async (t) => {
  for (const [template, message] of FAULTS)
    t.throws(() => compileTemplate(template)(record), { code: 'usage', message }, template)
})

t.test(
  'records with fixed fields take names in any case, refuse unknown ones, and keep their order',
  async (t) => {
    const row = new Struct({
      Name: 'web',
      URL: '',
      Options: new Struct({ Zeta: true, Alpha: ['x'], None: null }),
    })
    const print = (template: string): string => compileTemplate(template)(row)
    t.equal(print('{{.name}} {{.NAME}} {{.options.zeta}}'), 'web web true')
    t.equal(
      print('{{.Options}} {{printf "%+v" .Options}}'),
      '{true [x] <nil>} {Zeta:true Alpha:[x] None:<nil>}',
    )
    t.equal(print('{{json .Options}}'), '{"Zeta":true,"Alpha":["x"],"None":null}')
    t.throws(() => print('{{.Bogus}}'), {
      message: /1:3: .*can't evaluate field Bogus; there are Name, URL, Options/,
    })
  },
)

t.test('names from Object.prototype are neither fields nor functions', async (t) => {
  t.equal(compileTemplate('{{.constructor}} {{.toString}}')({}), '<no value> <no value>')
  t.throws(() => compileTemplate('{{constructor}}'), { message: /function "constructor" not defined/ })
  t.equal(compileTemplate('{{index . "__proto__"}}')({}), '<no value>')
})
