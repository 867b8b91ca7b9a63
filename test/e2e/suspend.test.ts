/** A machine of our own image that is suspended: what ran in it goes on, and users notice nothing but the time. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { LedgerRecord } from '../../src/contracts/record.js'
import { processStart } from '../../src/util/process.js'
import { importBusybox } from '../helpers/busybox-image.js'
import { TestUser } from '../helpers/cli.js'
import { poll } from '../helpers/poll.js'
import { freePort } from '../helpers/sshd.js'
import { fetchText } from './main/web.js'

t.setTimeout(900_000)
/** The guest leaves less than this alone; the rest is for asking it over SSH. */
const TOLERANCE_S = 3
const FLAGS = ['--qemu-memory', '1024', '--qemu-cpu-count', '2']
const user = new TestUser()
t.teardown(() => user.cleanUp())

const dirOf = (name: string): string => join(user.store, 'machines', name)
const ledgerOf = (name: string): LedgerRecord =>
  JSON.parse(readFileSync(join(dirOf(name), 'tsmachine.json'), 'utf8')) as LedgerRecord

async function docker(name: string, ...args: string[]): Promise<string> {
  const outcome = await user.docker(name, args)
  if (outcome.code !== 0) throw new Error(`docker ${args.join(' ')}: ${outcome.stderr}`)
  return outcome.stdout.trim()
}

const inGuest = async (name: string, line: string): Promise<string> =>
  (await user.ok(['ssh', name, '--', line])).trim()

async function clockIsRight(t: Test, name: string): Promise<void> {
  const seconds = Number(await inGuest(name, 'date +%s'))
  t.ok(Math.abs(seconds - Date.now() / 1_000) <= TOLERANCE_S, `its clock says ${seconds}`)
}

t.test('containers of a suspended machine go on where they were', async (t) => {
  await user.ok(['create', ...FLAGS, 'sleeper'])
  await importBusybox(user, 'sleeper')
  const port = await freePort()
  // It counts in its own memory, and a web server shows the count.
  const program =
    'mkdir /www; httpd -p 80 -h /www; n=0; while :; do n=$((n + 1)); echo $n >/www/index.html; sleep 1; done'
  await docker(
    'sleeper',
    'run',
    '-d',
    '--name',
    'counter',
    '-p',
    `${port}:80`,
    'busybox',
    'sh',
    '-c',
    program,
  )
  const count = async (): Promise<number> =>
    Number(await docker('sleeper', 'exec', 'counter', 'cat', '/www/index.html'))
  const identity = (): Promise<string> =>
    docker('sleeper', 'inspect', '-f', '{{.State.Pid}} {{.State.StartedAt}}', 'counter')
  const url = await user.ok(['url', 'sleeper'])
  const [before, process] = [await count(), await identity()]
  const bootId = await inGuest('sleeper', 'cat /proc/sys/kernel/random/boot_id')
  const vm = ledgerOf('sleeper').resources.find(({ kind }) => kind === 'vm')
  const pid = Number(vm?.attributes?.['pid'])

  await user.ok(['suspend', 'sleeper'])
  t.equal(processStart(pid), undefined, 'QEMU has ended')
  t.equal(await user.ok(['status', 'sleeper']), 'Saved\n')
  t.ok(existsSync(join(dirOf('sleeper'), 'memory.saved')))
  await user.ok(['start', 'sleeper'])

  t.notOk(existsSync(join(dirOf('sleeper'), 'memory.saved')), 'the memory file is gone')
  t.equal(await user.ok(['url', 'sleeper']), url)
  t.equal(await identity(), process, 'the same process of the container')
  t.equal(await inGuest('sleeper', 'cat /proc/sys/kernel/random/boot_id'), bootId, 'no boot lies between')
  t.ok((await count()) >= before, 'it counts on')
  await poll(20_000, async () => (await count()) > before)
  await clockIsRight(t, 'sleeper')
  const outcome = await user.run('docker', ['--context', 'sleeper', 'ps', '--format', '{{.Names}}'])
  t.equal(outcome.stdout, 'counter\n', outcome.stderr)
  const { answer } = await poll(20_000, () => fetchText(port), 100)
  t.ok(Number(answer) > before, 'its published port leads to it again')
})
