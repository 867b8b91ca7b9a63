import t from 'tap'
import {
  encodeValue,
  givenLabels,
  labelFault,
  labelsOf,
  tagsOf,
} from '../../../../src/drivers/hetzner/labels.js'
import { keyFingerprint } from '../../../../src/drivers/hetzner/public-key.js'

/** Hetzner's rule for values. */
const VALUE = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/

t.test('tags come back as they were, and are good labels', (t) => {
  const tags = {
    'tsmachine-store': 'f'.repeat(32),
    'tsmachine-name': 'ci-1.example',
    'tsmachine-host-key': `SHA256:${'Ab+/'.repeat(6)}${'y'.repeat(19)}`,
    'tsmachine-hostkey': '0f'.repeat(32),
    'tsmachine-odd': 'a_b:c d-',
  }
  const labels = labelsOf(tags)
  for (const value of Object.values(labels)) t.match(value, VALUE)
  t.strictSame(tagsOf({ ...labels, mine: 'x' }), tags)
  t.strictSame(tagsOf(undefined), {})
  t.end()
})

t.test('names that are too long are cut', (t) => {
  for (const name of ['x'.repeat(100), `${'x'.repeat(62)}-${'y'.repeat(9)}`, `${'x'.repeat(62)}.`])
    t.match(encodeValue(name), VALUE, name)
  t.end()
})

t.test('labels of the user', (t) => {
  t.equal(labelFault('example.com/team', 'a-b_c.d'), undefined)
  t.equal(labelFault('just-a-key', ''), undefined)
  for (const [key, value] of [
    ['', 'x'],
    ['-a', 'x'],
    ['a', '-x'],
    ['a', 'x'.repeat(64)],
    ['x'.repeat(64), 'y'],
    ['tsmachine-id', 'x'],
    ['hetzner.cloud/a', 'x'],
  ] as const)
    t.ok(labelFault(key, value), `${key}=${value}`)
  t.strictSame(givenLabels(['a=b=c', 'd=']), { a: 'b=c', d: '' })
  t.end()
})

t.test('the fingerprint of a public key', (t) => {
  const line = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGKvWMYR1EqCLm5cBvUs3rcz5YmT5BjKmcRB8Vf6wzpX a comment'
  t.match(keyFingerprint(line), /^([0-9a-f]{2}:){15}[0-9a-f]{2}$/)
  t.equal(keyFingerprint(line), keyFingerprint(line.split(' ').slice(0, 2).join(' ')))
  for (const none of ['', 'x', 'ssh-ed25519', '-----BEGIN PRIVATE KEY-----'])
    t.equal(keyFingerprint(none), undefined)
  t.end()
})
