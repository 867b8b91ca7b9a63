/** What goes wrong while a machine is made, on real VMs. */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { LedgerRecord } from '../../src/contracts/record.js'
import { processStart } from '../../src/util/process.js'
import { panicImage } from '../helpers/panic-image.js'
import { TestUser } from '../helpers/cli.js'
import { poll } from '../helpers/poll.js'

t.setTimeout(900_000)

const SMALL = ['--qemu-memory', '1024']

function ledgerOf(user: TestUser, name: string): LedgerRecord {
  return JSON.parse(
    readFileSync(join(user.store, 'machines', name, 'tsmachine.json'), 'utf8'),
  ) as LedgerRecord
}

function vmPid(user: TestUser, name: string): number {
  if (!existsSync(join(user.store, 'machines', name, 'tsmachine.json'))) return 0
  const vm = ledgerOf(user, name).resources.find(
    (resource) => resource.kind === 'vm' && resource.state === 'made',
  )
  return Number(vm?.attributes?.['pid'] ?? 0)
}

t.test(
  'a VM killed while it boots is reported at once, with its console, and --resume finishes',
  async (t) => {
    const user = new TestUser()
    t.teardown(() => user.cleanUp())
    const started = performance.now()
    const creating = user.tsmachine(['create', ...SMALL, 'victim'])
    const { answer: pid } = await poll(60_000, async () => vmPid(user, 'victim'), 20)
    const logged = join(user.store, 'machines', 'victim', 'console.log')
    await poll(
      30_000,
      async () => existsSync(logged) && readFileSync(logged, 'utf8').includes('tsmachine-init'),
      20,
    )
    process.kill(pid, 'SIGKILL')
    const outcome = await creating
    t.equal(outcome.code, 1)
    t.match(outcome.stderr, /boot/)
    t.match(outcome.stderr, /tsmachine-init: kernel/, 'the console is in the message')
    t.match(outcome.stderr, 'tsmachine create victim --resume')
    t.ok(performance.now() - started < 60_000, 'it did not wait for the deadline')
    t.match(ledgerOf(user, 'victim'), { phase: 'failed', failure: { stage: 'boot' } })
    const again = await user.tsmachine(['create', 'victim'])
    t.match(again.stderr, /already exists[^]*--resume/)
    await user.ok(['create', 'victim', '--resume'])
    t.match(ledgerOf(user, 'victim'), { phase: 'ready' })

    t.test('kill -9 at each step of host-key rotation: ssh works, provision settles it', async (t) => {
      const worker = fileURLToPath(new URL('../helpers/rotation-worker.ts', import.meta.url))
      for (const step of ['generate', 'record', 'install', 'reconnect', 'settle']) {
        const before = ledgerOf(user, 'victim').hostKeys?.current
        const died = await user.run(process.execPath, ['--import', 'tsx', worker, 'victim', step])
        t.equal(died.signal, 'SIGKILL', `${step}: ${died.stderr}`)
        t.equal((await user.tsmachine(['ssh', 'victim', '--', 'true'])).code, 0, `ssh after ${step}`)
        await user.ok(['provision', 'victim'])
        const pins = ledgerOf(user, 'victim').hostKeys
        t.equal(pins?.next, undefined, `settled after ${step}`)
        if (step !== 'generate') t.not(pins?.current, before, `a new key after ${step}`)
        t.equal(
          (await user.tsmachine(['ssh', 'victim', '--', 'true'])).code,
          0,
          `ssh when settled after ${step}`,
        )
      }
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
  const { answer: pid } = await poll(60_000, async () => vmPid(user, 'unwanted'), 20)
  const removing = await user.tsmachine(['rm', '-y', 'unwanted'])
  t.equal(removing.code, 0, removing.stderr)
  t.equal((await creating).code, 143)
  t.equal(processStart(pid), undefined, 'the VM is gone')
  t.strictSame(await user.ok(['ls', '-q']), '')
  t.strictSame(readdirSync(join(user.store, 'locks')), [])
})

/** What each stage says when it starts. */
const STAGE_TEXTS: Readonly<Record<string, string>> = {
  make: 'Creating machine',
  boot: 'Waiting for machine to boot',
  ssh: 'Connecting over SSH',
  identity: 'Settling the host key',
  provision: 'Provisioning the engine',
  engine: 'Waiting for the engine',
  tls: 'Checking the TLS connection',
}

t.test('Ctrl-C at each stage leaves a record that --resume carries on from', async (t) => {
  const base = new TestUser()
  // The longest host name in a store path of 90 characters: sockets must not lie below it.
  const store = join(base.home, 's'.repeat(89 - base.home.length))
  mkdirSync(store, { mode: 0o700 })
  const user = new TestUser({ store })
  t.equal(store.length, 90)
  t.teardown(async () => {
    await user.cleanUp()
    await base.cleanUp()
  })
  const name = `m${'x'.repeat(62)}y`
  t.equal(name.length, 64)

  // Preflight takes milliseconds: the signal may find the next stage at work.
  const early = await interrupted(user, ['create', ...SMALL, name], 'Running pre-create checks')
  t.equal(early.code, 130)
  const recorded = (await user.ok(['ls', '-q'])) !== ''
  t.equal(
    recorded,
    !early.stderr.includes('Stage: preflight'),
    'nothing is recorded before preflight is over',
  )

  for (const [stage, text] of Object.entries(STAGE_TEXTS)) {
    const isNew = stage === 'make' && !recorded
    const outcome = await interrupted(
      user,
      isNew ? ['create', ...SMALL, name] : ['create', name, '--resume'],
      text,
    )
    t.equal(outcome.code, 130, `${stage}: ${outcome.stderr}`)
    t.match(ledgerOf(user, name), { phase: 'failed', failure: { code: 'cancelled', stage } })
    t.match(outcome.stderr, '--resume')
  }
  await user.ok(['create', name, '--resume'])
  t.match(await user.docker(name, ['version', '--format', '{{.Server.Version}}']), { code: 0 })
  t.match(await user.ok(['ssh', name, '--', 'hostname']), name)
  await user.ok(['rm', '-y', name])
})

/** Runs a command and interrupts it when it says `text`. */
function interrupted(user: TestUser, args: readonly string[], text: string) {
  return user.tsmachine(args, {
    started: (child) => {
      let seen = ''
      child.stderr?.on('data', (chunk: Buffer) => {
        const before = seen.includes(text)
        seen += chunk.toString()
        if (!before && seen.includes(text)) child.kill('SIGINT')
      })
    },
  })
}
