import t from 'tap'
import { compileTemplate, type Value } from '../../../src/ui/template/index.js'

const record: Value = {
  Name: 'web',
  Driver: {
    IPAddress: '192.0.2.1',
    SSHPort: 22,
    Ports: [80, 443],
    Empty: '',
    Nothing: null,
    Big: 2500000,
    On: true,
  },
  Labels: ['a=1', 'b=2'],
  'odd-key': 'reached by index',
}

/** [template, what Go's text/template prints for it] */
const CASES: readonly (readonly [template: string, expected: string])[] = [
  ['plain text', 'plain text'],
  ['{{.Name}}', 'web'],
  ['{{ .Driver.IPAddress }}:{{.Driver.SSHPort}}', '192.0.2.1:22'],
  ['{{.Missing}}', '<no value>'],
  ['{{.Driver.Nothing}}', '<no value>'],
  ['{{.Driver.Empty}}|', '|'],
  ['{{.Driver.Big}}', '2.5e+06'],
  ['{{.Labels}}', '[a=1 b=2]'],
  ['{{with .Driver}}{{.SSHPort}}{{end}}', '22'],
  ['{{json .Labels}}', '["a=1","b=2"]'],
  [
    '{{json .Driver}}',
    '{"Big":2500000,"Empty":"","IPAddress":"192.0.2.1","Nothing":null,"On":true,"Ports":[80,443],"SSHPort":22}',
  ],
  ['{{json .Missing}}', 'null'],
  ['{{prettyjson .Labels}}', '[\n    "a=1",\n    "b=2"\n]'],
  ['{{index .Labels 1}}', 'b=2'],
  ['{{index .Driver "SSHPort"}}', '22'],
  ['{{index . "odd-key"}}', 'reached by index'],
  ['{{index .Driver.Ports 0 | printf "%d"}}', '80'],
  ['{{len .Labels}} {{len .Name}} {{len "ü"}}', '2 3 2'],
  [
    '{{printf "%-5s|%5d|%q|%v|%%|%05d|%.1f|%t|%x" .Name 7 "a\\"b" true 42 1.25 false 255}}',
    'web  |    7|"a\\"b"|true|%|00042|1.3|false|ff',
  ],
  ['{{printf "%s"}}{{printf "%d" "x"}}{{printf "a" 1}}', '%!s(MISSING)%!d(string=x)a%!(EXTRA float64=1)'],
  ['{{if .Driver.On}}yes{{else}}no{{end}}', 'yes'],
  ['{{if .Missing}}yes{{else if .Name}}second{{else}}no{{end}}', 'second'],
  ['{{if and .Name (eq .Driver.SSHPort 22)}}both{{end}}', 'both'],
  ['{{if or .Missing .Driver.Empty}}x{{else}}neither{{end}}', 'neither'],
  ['{{not .Name}} {{and .Name 1}} {{or .Missing "b"}}', 'false 1 b'],
  [
    '{{eq .Name "db" "web"}} {{ne .Name "db"}} {{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge 2 3}}',
    'true true true true false false',
  ],
  ['{{range .Labels}}[{{.}}]{{end}}', '[a=1][b=2]'],
  ['{{range $i, $label := .Labels}}{{$i}}={{$label}};{{end}}', '0=a=1;1=b=2;'],
  ['{{range $key, $value := .Driver}}{{$key}} {{end}}', 'Big Empty IPAddress Nothing On Ports SSHPort '],
  ['{{range .Missing}}x{{else}}none{{end}}', 'none'],
  ['{{range .Labels}}{{$.Name}}{{end}}', 'webweb'],
  ['{{with .Missing}}x{{else}}without{{end}}', 'without'],
  ['{{with $d := .Driver}}{{$d.SSHPort}}{{end}}', '22'],
  ['{{$x := "a"}}{{if true}}{{$x = "b"}}{{end}}{{$x}}', 'b'],
  ['{{$x := "a"}}{{if true}}{{$x := "b"}}{{$x}}{{end}}{{$x}}', 'ba'],
  ['a  {{- .Name -}}  b', 'awebb'],
  ['{{/* a comment */}}x{{- /* trimmed */ -}} y', 'xy'],
  ['{{"raw" | upper}} {{`back\\n`}} {{"\\x41\\u00e9\\101\\t"}}', 'RAW back\\n A\u00e9A\t'],
  ['{{.Name | printf "%s-%s" "x" | json}}', '"x-web"'],
  ['{{(index .Driver.Ports 1)}} {{(.Driver).SSHPort}}', '443 22'],
  ['{{join .Labels ","}} {{index (split .Name "e") 1}}', 'a=1,b=2 b'],
  ['{{print "a" 1 true}}', 'a 1 true'],
  ['{{1.5}} {{-3}} {{0x10}} {{true}}', '1.5 -3 16 true'],
  [
    '{{.Driver.Ports}} {{.Driver}}',
    '[80 443] map[Big:2.5e+06 Empty: IPAddress:192.0.2.1 Nothing:<nil> On:true Ports:[80 443] SSHPort:22]',
  ],
]

t.test('templates print what Go prints', async (t) => {
  for (const [template, expected] of CASES) t.equal(compileTemplate(template)(record), expected, template)
})

/** [template, part of the message, place] */
const FAULTS: readonly (readonly [template: string, message: RegExp])[] = [
  ['{{.Name', /1:1: unclosed action/],
  ['{{if .Name}}x', /1:3: \{\{if\}\} has no \{\{end\}\}/],
  ['x\n{{end}}', /2:3: unexpected \{\{end\}\}/],
  ['{{else}}', /unexpected \{\{else\}\}/],
  ['{{bogus .Name}}', /1:3: function "bogus" not defined/],
  ['{{$x}}', /undefined variable "\$x"/],
  ['{{}}', /missing value for command/],
  ['{{.Name | }}', /missing value for command/],
  ['{{"open}}', /unterminated quoted string/],
  ['{{"\\y"}}', /unknown escape/],
  ['{{.Name )}}', /unexpected "\)" in action/],
  ['{{&}}', /unexpected "&" in action/],
  ['{{.Missing.Sub}}', /1:3: nil pointer evaluating interface \{\}\.Sub/],
  ['{{.Name.Sub}}', /can't evaluate field Sub in type string/],
  ['{{index .Labels 9}}', /error calling index: index out of range: 9/],
  ['{{index .Name 0}}', /can't index item/],
  ['{{len 3}}', /error calling len/],
  ['{{eq .Name 1}}', /incompatible types for comparison/],
  ['{{lt .Labels 1}}', /incompatible types for comparison/],
  ['{{range .Name}}{{end}}', /range can't iterate over web/],
  ['{{.Name .Name}}', /can't give argument to non-function/],
  ['{{not}}', /wrong number of args/],
  ['{{range .Labels}}{{else}}{{else}}{{end}}', /no \{\{end\}\} after \{\{else\}\}/],
]

t.test('faults of a template name their place and are usage errors', async (t) => {
  for (const [template, message] of FAULTS)
    t.throws(() => compileTemplate(template)(record), { code: 'usage', message }, template)
})

t.test('records with fixed fields take names in any case and refuse unknown ones', async (t) => {
  const template = compileTemplate('{{.name}} {{.NAME}}', { strict: true })
  t.equal(template({ Name: 'web' }), 'web web')
  const unknown = compileTemplate('{{.Bogus}}', { strict: true })
  t.throws(() => unknown({ Name: 'web', URL: '' }), {
    message: /can't evaluate field Bogus; there are Name, URL/,
  })
})

t.test('names from Object.prototype are neither fields nor functions', async (t) => {
  t.equal(compileTemplate('{{.constructor}} {{.toString}}')({}), '<no value> <no value>')
  t.throws(() => compileTemplate('{{constructor}}'), { message: /function "constructor" not defined/ })
  t.equal(compileTemplate('{{index . "__proto__"}}')({}), '<no value>')
})
