import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { probeFirmware } from '../../../../src/drivers/qemu/probe-guest.js'
import { allVerdicts, chooseAccelerator, type ProbeTools } from '../../../../src/drivers/qemu/verdicts.js'
import { FakeClock } from '../../../helpers/fake-clock.js'

const program = { path: '/usr/bin/qemu-system-x86_64', version: '7.2.22', netdevs: ['user'], sandbox: true }
const signal = new AbortController().signal

function tools(cacheDir: string, answers: boolean[]): ProbeTools & { clock: FakeClock; asked: string[] } {
  const asked: string[] = []
  return {
    ...{ clock: new FakeClock(), cacheDir, bootId: 'boot-1', platform: 'linux', arch: 'x64', asked },
    probe(row) {
      asked.push(row.name)
      return Promise.resolve({ ok: answers.shift() ?? false, text: 'as told' })
    },
  }
}

t.test('a good verdict holds until the next boot or another QEMU', async (t) => {
  const using = tools(t.testdir({}), [true, true, true])
  t.equal((await chooseAccelerator('auto', program, using, signal)).name, 'kvm')
  using.clock.advance(100 * 3_600_000)
  t.equal((await chooseAccelerator('auto', program, using, signal)).name, 'kvm')
  t.equal(using.asked.length, 1, 'asked once')
  await chooseAccelerator('auto', program, { ...using, bootId: 'boot-2' }, signal)
  t.equal(using.asked.length, 2, 'after a boot')
  await chooseAccelerator('auto', { ...program, version: '8.0' }, using, signal)
  t.equal(using.asked.length, 3, 'with another QEMU')
})

t.test('a bad verdict holds for one hour, unless it is tried afresh', async (t) => {
  const using = tools(t.testdir({}), [false, false, true])
  t.equal((await chooseAccelerator('auto', program, using, signal)).name, 'tcg')
  using.clock.advance(3_500_000)
  t.equal((await chooseAccelerator('auto', program, using, signal)).name, 'tcg')
  t.equal(using.asked.length, 1)
  t.match(await allVerdicts(program, using, true, signal), [
    { accelerator: 'kvm', ok: false },
    { accelerator: 'tcg', ok: true },
  ])
  t.equal(using.asked.length, 2, 'afresh')
  using.clock.advance(3_700_000)
  t.equal((await chooseAccelerator('auto', program, using, signal)).name, 'kvm')
})

t.test('--qemu-accel overrides verdicts, and must exist here', async (t) => {
  const using = tools(t.testdir({}), [])
  t.equal((await chooseAccelerator('kvm', program, using, signal)).name, 'kvm')
  t.equal((await chooseAccelerator('tcg', program, using, signal)).name, 'tcg')
  t.equal(using.asked.length, 0)
  await t.rejects(chooseAccelerator('hvf', program, using, signal), {
    code: 'preflight',
    hints: [/auto, kvm, tcg/],
  })
})

t.test('a broken cache is no cache', async (t) => {
  const using = tools(t.testdir({}), [true])
  writeFileSync(join(using.cacheDir, 'qemu-accelerators.json'), '{ broken')
  t.equal((await chooseAccelerator('auto', program, using, signal)).name, 'kvm')
  t.match(JSON.parse(readFileSync(join(using.cacheDir, 'qemu-accelerators.json'), 'utf8')), {
    'kvm 7.2.22 boot-1': { ok: true },
  })
})

t.test('the probe guest is a firmware image that starts at the reset vector', async (t) => {
  const rom = probeFirmware()
  t.equal(rom.length, 65_536)
  t.equal(rom[0], 0xfa, 'cli')
  t.strictSame([...rom.subarray(0xfff0, 0xfff5)], [0xea, 0, 0, 0, 0xf0], 'ljmp f000:0000')
})
