/** What programs that we start say: any line is a message, or is passed over; any error is one of ours. */
import fc from 'fast-check'
import t from 'tap'
import { isMachineError } from '../../../../src/contracts/errors.js'
import {
  type ErrorText,
  errorFromText,
  errorText,
  LineCutter,
  readFromChild,
} from '../../../../src/drivers/process/protocol.js'
import { GobDecoder } from '../../../../src/drivers/plugin/wire/gob/decoder.js'
import { GobEncoder } from '../../../../src/drivers/plugin/wire/gob/encoder.js'
import { GobError } from '../../../../src/drivers/plugin/wire/gob/values.js'
import { METHODS } from '../../../../src/drivers/plugin/wire/codecs.js'
import { CLIENT_SCHEMA } from '../../../../src/drivers/plugin/wire/schema.js'
import { flagSpec } from '../../../../src/drivers/plugin/flags.js'
import { DriverChild } from '../../../../src/drivers/process/child.js'
import { failureText } from '../../../../src/cli/render-failure.js'
import { TSMACHINE_PROFILE } from '../../../../src/contracts/profile.js'
import { forAll, hostileJson, hostileText, INHERITED_KEYS, OBEYED } from '../../../helpers/properties.js'

t.test('a line of a driver in a process of its own', async (t) => {
  const lines = fc.oneof(
    hostileText('{"id":1,', '"value":', '"error":', '"done":true}', '{"lent":'),
    hostileJson('id', 'value', 'error', 'lent', 'call').map((value) => JSON.stringify(value)),
  )
  await forAll(t, 'readFromChild', lines, (line) => {
    const read: string[] = []
    const cutter = new LineCutter((one) => read.push(one))
    for (const character of `${line.slice(0, 500)}\n`) cutter.add(character)
    if (read.join('') !== `${line.slice(0, 500)}\n`.replace(/\r?\n/g, '')) throw new Error('lines were lost')
    readFromChild(line)
  })
  await forAll(
    t,
    'errorFromText',
    hostileJson('name', 'message', 'code', 'hints', 'exitCode', 'evidence'),
    (value) => {
      for (const sent of [value, { name: 'MachineError', ...(value as object) }]) {
        const error = errorFromText(sent as ErrorText)
        if (!isMachineError(error)) continue
        const text = failureText(error, { profile: TSMACHINE_PROFILE, debug: false, terminal: true })
        if (OBEYED.test(text)) throw new Error(JSON.stringify(text))
        const again = errorText(errorFromText(errorText(error)))
        if (JSON.stringify(again) !== JSON.stringify(errorText(error))) throw new Error('not the same again')
      }
    },
  )
})

t.test('the protocol of plugins: texts and keys come back as they were sent', async (t) => {
  // UTF-8 has no half of a pair.
  const whole = hostileText().map((text) => text.replace(/\p{Surrogate}/gu, '?'))
  const key = fc.oneof(fc.constantFrom(...INHERITED_KEYS), whole)
  const value = fc.oneof(whole, fc.boolean(), fc.array(whole, { maxLength: 3 }))
  const values = fc.array(fc.tuple(key, value), { maxLength: 5 })
  await forAll(t, 'flag values', values, (entries) => {
    const sent = Object.fromEntries(entries)
    const { argument } = METHODS.SetConfigFromFlags
    const encoder = new GobEncoder(CLIENT_SCHEMA)
    const bytes = Buffer.concat([encoder.definitions(), encoder.value(argument.type, argument.encode(sent))])
    const [read] = [...new GobDecoder().push(bytes)]
    return sorted(argument.decode(read ?? null)) === sorted(sent)
  })
  await forAll(t, 'any bytes', fc.uint8Array({ maxLength: 300 }), (bytes) => {
    try {
      for (const value of new GobDecoder().push(Buffer.from(bytes)))
        for (const { reply } of Object.values(METHODS)) refusedGob(() => reply.decode(value))
    } catch (error) {
      if (!(error instanceof GobError)) throw error
    }
  })
  await forAll(t, "a plugin's flag", hostileText(), (word) => {
    const spec = flagSpec({ kind: 'string', name: word, usage: word, envVar: word, value: word })
    return !OBEYED.test(spec.summary) && spec.default === word
  })
})

function refusedGob(work: () => unknown): void {
  try {
    work()
  } catch (error) {
    if (!(error instanceof GobError)) throw error
  }
}

function sorted(values: object): string {
  return JSON.stringify(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)))
}

t.test('a driver that says a line without end is ended, and told of', async (t) => {
  const words = ['-c', "exec tr '\\0' x </dev/zero"]
  const program = {
    name: 'endless',
    program: '/bin/sh',
    args: words,
    env: { PATH: process.env['PATH'] ?? '' },
  }
  const child = new DriverChild(program, () => Promise.reject(new Error('nothing is lent')))
  await t.rejects(child.ask({ id: child.newId(), call: 'open', args: [] }), {
    code: 'driver',
    message: /said a line without end and was ended/,
  })
  t.equal(child.gone, true)
})
