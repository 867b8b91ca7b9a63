import t from 'tap'
import { parseSide, type Side } from '../../../src/machine/side.js'

const SIDES: readonly (readonly [text: string, side: Side])[] = [
  ['web:', { machine: 'web', path: '' }],
  ['web:a b', { machine: 'web', path: 'a b' }],
  ['web:/a:b', { machine: 'web', path: '/a:b' }],
  ['web:C:\\x', { machine: 'web', path: 'C:\\x' }],
  ['root@web:~/x', { machine: 'web', user: 'root', path: '~/x' }],
  ['me@corp@web:x', { machine: 'web', user: 'me@corp', path: 'x' }],
  ['@web:x', { machine: 'web', path: 'x' }],
  ['web:a\nb', { machine: 'web', path: 'a\nb' }],
  ['c:x', { machine: 'c', path: 'x' }],
  ['c:/x', { machine: 'c', path: '/x' }],
  ['localhost:a:b', { path: 'a:b' }],
  ['me@localhost:x', { path: 'x' }],
  ['plain', { path: 'plain' }],
  ['./a:b', { path: './a:b' }],
  ['/a/b:c', { path: '/a/b:c' }],
  [':x', { path: ':x' }],
  ['C:\\Users\\x', { path: 'C:\\Users\\x' }],
  ['', { path: '' }],
  // Not an address but a name, and no machine is called so.
  ['[::1]:x', { machine: '[', path: ':1]:x' }],
]

t.test('a side is a machine and a path, or a path here', async (t) => {
  for (const [text, side] of SIDES) t.strictSame(parseSide(text, 'linux'), side, text)
})

t.test('on Windows one letter before a colon is a drive', async (t) => {
  for (const text of ['C:\\x', 'c:/x', 'D:x', 'e:']) t.strictSame(parseSide(text, 'win32'), { path: text })
  t.strictSame(parseSide('web:x', 'win32'), { machine: 'web', path: 'x' })
})
