/** What goes wrong while a machine is made, on real VMs. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { LedgerRecord } from '../../src/contracts/record.js'
import { hostName } from '../../src/machine/machine-name.js'
import { processStart } from '../../src/util/process.js'
import { panicImage } from '../helpers/panic-image.js'
import { type Outcome, TestUser } from '../helpers/cli.js'
import { poll } from '../helpers/poll.js'

t.setTimeout(900_000)

const SMALL = ['--qemu-memory', '1024']

function ledgerOf(user: TestUser, name: string): LedgerRecord {
  return JSON.parse(
    readFileSync(join(user.store, 'machines', name, 'tsmachine.json'), 'utf8'),
  ) as LedgerRecord
}

/** Pid of a machine's QEMU; undefined while there is none. */
function vmPid(user: TestUser, name: string): number | undefined {
  if (!existsSync(join(user.store, 'machines', name, 'tsmachine.json'))) return undefined
  const vm = ledgerOf(user, name).resources.find(
    (resource) => resource.kind === 'vm' && resource.state === 'made',
  )
  const pid = Number(vm?.attributes?.['pid'])
  // 0 and 1 are not processes that a test may signal.
  return pid > 1 ? pid : undefined
}

async function vmStarted(user: TestUser, name: string): Promise<number> {
  const { answer } = await poll(60_000, () => Promise.resolve(vmPid(user, name)), 20)
  if (answer === undefined) throw new Error('no pid')
  return answer
}

t.test(
  'a VM killed while it boots is reported at once, with its console, and --resume finishes',
  async (t) => {
    const user = new TestUser()
    t.teardown(() => user.cleanUp())
    const creating = user.tsmachine(['create', ...SMALL, 'victim'])
    const pid = await vmStarted(user, 'victim')
    const logged = join(user.store, 'machines', 'victim', 'console.log')
    await poll(
      30_000,
      async () => existsSync(logged) && readFileSync(logged, 'utf8').includes('tsmachine-init'),
      20,
    )
    process.kill(pid, 'SIGKILL')
    const killed = performance.now()
    const outcome = await creating
    t.ok(performance.now() - killed < 60_000, 'it did not wait for the deadline')
    t.equal(outcome.code, 1)
    t.match(outcome.stderr, /boot/)
    t.match(outcome.stderr, /tsmachine-init: kernel/, 'the console is in the message')
    t.match(outcome.stderr, 'tsmachine create victim --resume')
    t.match(ledgerOf(user, 'victim'), { phase: 'failed', failure: { stage: 'boot' } })
    const again = await user.tsmachine(['create', 'victim'])
    t.match(again.stderr, /already exists[^]*--resume/)
    await user.ok(['create', 'victim', '--resume'])
    t.match(ledgerOf(user, 'victim'), { phase: 'ready' })

    t.test('kill -9 after each step of host-key rotation: ssh works, provision settles it', async (t) => {
      const worker = fileURLToPath(new URL('../helpers/rotation-worker.ts', import.meta.url))
      const rotate = (n: number) =>
        user.run(process.execPath, ['--import', 'tsx', worker, 'victim', String(n)])
      /** The SSH server may be taking over its new key at this moment, and is not there while it does. */
      const ssh = async () => {
        let stderr = ''
        const ask = async () => {
          const outcome = await user.tsmachine(['ssh', 'victim', '--', 'true'])
          stderr = outcome.stderr
          return outcome.code === 0
        }
        return await poll(20_000, ask, 200, () => stderr)
      }
      let deaths = 0
      for (; ; deaths++) {
        const before = ledgerOf(user, 'victim').hostKeys?.current
        const { signal, code, stdout, stderr } = await rotate(deaths + 1)
        if (code === 0) break
        const where = stdout.trim().replaceAll('\n', ', ')
        t.equal(signal, 'SIGKILL', `${where}: ${stderr}`)
        t.ok(await ssh(), `ssh after ${where}`)
        await user.ok(['provision', 'victim'])
        const pins = ledgerOf(user, 'victim').hostKeys
        t.match(pins, { next: undefined, rotated: true }, `settled after ${where}`)
        t.not(pins?.current, before, `a new key after ${where}`)
        t.ok(await ssh(), 'ssh when settled')
      }
      t.ok(deaths >= 5, `facts, the next key, its record, its installation, the end: ${deaths} deaths`)
    })
  },
)

t.test('a guest kernel that panics is shown', async (t) => {
  const user = new TestUser()
  t.teardown(() => user.cleanUp())
  const cache = await panicImage(user)
  const outcome = await user.tsmachine(['create', ...SMALL, 'panics'], { env: { XDG_CACHE_HOME: cache } })
  t.equal(outcome.code, 1)
  t.match(outcome.stderr, /Kernel panic - not syncing/)
  t.match(outcome.stderr, 'tsmachine logs panics --boot')
  await user.ok(['rm', '-y', 'panics'])
})

t.test('rm stops a create that runs and removes all that it made', async (t) => {
  const user = new TestUser()
  t.teardown(() => user.cleanUp())
  const creating = user.tsmachine(['create', ...SMALL, 'unwanted'])
  const pid = await vmStarted(user, 'unwanted')
  t.ok(processStart(pid), 'the VM runs')
  const removing = await user.tsmachine(['rm', '-y', 'unwanted'])
  t.equal(removing.code, 0, removing.stderr)
  t.equal((await creating).code, 143)
  t.equal(processStart(pid), undefined, 'the VM is gone')
  t.strictSame(await user.ok(['ls', '-q']), '')
  t.strictSame(readdirSync(join(user.store, 'locks')), [])
})

/** A machine of 64 characters in a store of 90, which is the longest that must work: sockets cannot lie below it. */
class LongUser extends TestUser {
  readonly name = `m${'x'.repeat(62)}y`

  constructor() {
    const base = mkdtempSync('/tmp/tsm-')
    super({ store: join(base, 's'.repeat(89 - base.length)) })
    mkdirSync(this.store, { mode: 0o700 })
  }

  override async cleanUp(): Promise<void> {
    await super.cleanUp()
    rmSync(dirname(this.store), { recursive: true, force: true })
  }
}

/** QEMU behind a gate: while the file `shut` is there, it does not start. */
function gatedQemu(user: TestUser): { flags: readonly string[]; shut: string } {
  const [program, shut] = [join(user.home, 'gated-qemu'), join(user.home, 'shut')]
  const wait = `while [ -e '${shut}' ]; do sleep 0.05; done`
  writeFileSync(program, `#!/bin/sh\n${wait}\nexec qemu-system-x86_64 "$@"\n`, { mode: 0o755 })
  return { flags: ['--qemu-accel', 'tcg', '--qemu-program', program], shut }
}

interface StageCase {
  readonly stage: string
  /** What it says when it starts. */
  readonly text: string
  /** Run in the guest first, so that the stage finds something to do. */
  readonly before?: string
}

/** The stages that need the guest: with its processors stopped none of them can end. */
const GUEST_STAGES: readonly StageCase[] = [
  { stage: 'boot', text: 'Waiting for machine to boot' },
  { stage: 'ssh', text: 'Connecting over SSH' },
  { stage: 'identity', text: 'Settling the host key' },
  { stage: 'provision', text: 'Provisioning the engine', before: 'sudo rm /etc/docker/daemon.json' },
  { stage: 'engine', text: 'Waiting for the engine' },
  { stage: 'tls', text: 'Checking the TLS connection' },
]

t.test('Ctrl-C at each stage leaves a record that --resume carries on from', async (t) => {
  const user = new LongUser()
  const { name } = user
  t.teardown(() => user.cleanUp())
  t.strictSame([user.store.length, name.length], [90, 64])
  const { flags, shut } = gatedQemu(user)
  const create = ['create', ...SMALL, ...flags, name]
  const resume = ['create', name, '--resume']
  const shutGate = (): (() => void) => {
    writeFileSync(shut, '')
    return () => rmSync(shut)
  }
  const stopGuest = (): (() => void) => {
    const pid = vmPid(user, name)
    if (pid === undefined) throw new Error('there is no VM to hold')
    process.kill(pid, 'SIGSTOP')
    return () => void process.kill(pid, 'SIGCONT')
  }

  writeFileSync(shut, '')
  const early = await interrupted(user, create, 'Running pre-create checks', shutGate)
  t.equal(early.code, 130)
  t.match(early.stderr, 'Stage: preflight')
  t.equal(await user.ok(['ls', '-q']), '', 'nothing is recorded before preflight is over')

  const wasNamed = ({ code, stderr }: Outcome, stage: string): void => {
    t.equal(code, 130, `${stage}: ${stderr}`)
    t.match(stderr, `Stage: ${stage}`)
    t.match(stderr, '--resume')
    t.match(ledgerOf(user, name), { phase: 'failed', failure: { code: 'cancelled', stage } })
  }
  wasNamed(await interrupted(user, create, 'Creating machine', shutGate), 'make')
  for (const { stage, text, before } of GUEST_STAGES) {
    if (before !== undefined) await user.ok(['ssh', name, '--', before])
    wasNamed(await interrupted(user, resume, text, stopGuest), stage)
  }
  await user.ok(resume)
  t.match(await user.docker(name, ['version', '--format', '{{.Server.Version}}']), { code: 0 })
  t.equal((await user.ok(['ssh', name, '--', 'hostname'])).trim(), hostName(name), 'a host has 63 characters')
  await user.ok(['rm', '-y', name])
})

/** Runs a command; when it says `text`, what it waits for is held, then it is interrupted. Let go once it has ended. */
async function interrupted(
  user: TestUser,
  args: readonly string[],
  text: string,
  hold: () => () => void,
): Promise<Outcome> {
  let letGo: (() => void) | undefined
  const outcome = await user.tsmachine(args, {
    started: (child) => {
      let seen = ''
      child.stderr?.on('data', (chunk: Buffer) => {
        seen += chunk.toString()
        if (letGo || !seen.includes(text)) return
        letGo = hold()
        child.kill('SIGINT')
      })
    },
  })
  if (!letGo) throw new Error(`it never said "${text}": ${outcome.stderr}`)
  letGo()
  return outcome
}
