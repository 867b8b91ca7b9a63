import t from 'tap'
import { goRegExp } from '../../../src/util/go-regexp.js'

/** [pattern, what it finds, what it does not] */
const CASES: readonly (readonly [pattern: string, yes: readonly string[], no: readonly string[]])[] = [
  ['web', ['web', 'my-web-1'], ['WEB', 'we']],
  ['^web$', ['web'], ['web1', 'aweb']],
  ['\\Aweb\\z', ['web'], ['web\n', 'aweb']],
  ['(?i)WEB', ['web', 'Web'], ['we']],
  ['(?U)a+', ['aa'], ['b']],
  ['(?s)a.b', ['a\nb'], ['ab']],
  ['(?P<n>a)(?<m>b)', ['ab'], ['a']],
  ['^[[:alpha:]]+[[:digit:]_-]$', ['web1', 'web-', 'a_'], ['1', 'web.']],
  ['^[[:punct:]]$', ['[', '/', '-', '~', '`'], ['a', '1']],
  ['\\Qa.b*c', ['a.b*c'], ['aXbbc']],
  ['^\\Qa.b\\E.$', ['a.bX'], ['aXbX']],
  ['\\x61\\x{62}\\143', ['abc'], ['ab']],
  ['^\\pL+$', ['ab', 'é'], ['1']],
  ['^\\p{^L}$', ['1'], ['a']],
  ['^\\p{Greek}\\PL$', ['α1'], ['a1', 'αα']],
  ['a{1,2}b{', ['aab{'], ['ab']],
  ['a{,2}', ['a{,2}'], ['aa']],
  ['x]y}', ['x]y}'], ['x']],
  ['^[]a]$', [']', 'a'], ['b']],
  ['^[^]a]$', ['b'], [']', 'a']],
  ['^[a\\-z]$', ['-', 'a', 'z'], ['b']],
  ['^[a-c(|)/{}]$', ['b', '(', '|', '/', '}'], ['d', '&']],
  ['a\\-b\\_c\\ d', ['a-b_c d'], ['abc d']],
  ['^web|db$', ['web1', 'mydb'], ['adbx']],
  ['\\d\\D\\w\\W\\s\\S\\b', ['1a_- x'], ['']],
  ['', ['', 'x'], []],
]

t.test("Go's patterns find what they find in Go", async (t) => {
  for (const [pattern, yes, no] of CASES) {
    const found = goRegExp(pattern)
    for (const text of yes) t.ok(found.test(text), `${pattern} finds ${JSON.stringify(text)}`)
    for (const text of no) t.notOk(found.test(text), `${pattern} does not find ${JSON.stringify(text)}`)
  }
})

/** [pattern, the fault] */
const FAULTS: readonly (readonly [pattern: string, message: RegExp])[] = [
  ['[a', /missing closing \]: `\[a`/],
  ['(', /Unterminated group/],
  ['*', /Nothing to repeat/],
  ['a\\', /invalid escape sequence/],
  ['\\y', /invalid escape sequence: `\\y`/],
  ['(a)\\1', /invalid escape sequence/],
  ['(?=a)', /invalid or unsupported Perl syntax: `\(\?=a`/],
  ['(?<!a)b', /Perl syntax/],
  ['[[:bogus:]]', /invalid character class range/],
  ['\\p{Bogus}', /Invalid property name/],
]

t.test('what Go refuses is refused', async (t) => {
  for (const [pattern, message] of FAULTS)
    t.throws(() => goRegExp(pattern), { name: 'SyntaxError', message }, pattern)
})
