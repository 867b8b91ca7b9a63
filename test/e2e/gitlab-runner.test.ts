/** GitLab Runner's calls against real VMs of the qemu driver; what needs no VM is in `test/integration`. */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { LedgerRecord } from '../../src/contracts/record.js'
import { processStart } from '../../src/util/process.js'
import { processes } from '../../tools/leftovers.js'
import { GitLabRunner } from '../doubles/gitlab-runner.js'
import { DockerMachineUser } from '../helpers/docker-machine.js'
import { poll } from '../helpers/poll.js'
import { size } from '../sizes.js'

t.setTimeout(900_000)

const OPTIONS = [
  'qemu-memory=700',
  'qemu-cpu-count=1',
  'qemu-disk-size=4000',
  'qemu-program=',
  'engine-label=from=%s',
  'engine-registry-mirror=http://192.0.2.1:6000',
  'engine-insecure-registry=192.0.2.2:5000',
]
/** Passes the limit of host names. */
const NAMES = Array.from(
  { length: size('runnerVms') },
  (_, n) => `runner-abcdefghi-a-group-of-runners-with-a-long-description-170012345${n}-0a1b2c3d`,
)

const user = new DockerMachineUser()
const runner = new GitLabRunner({
  env: { ...user.env, PATH: `${user.home}:${user.env['PATH'] ?? ''}` },
  pauseMs: 500,
  maxRemovalAttempts: 3,
})
t.teardown(() => user.cleanUp())

const folder = (name: string): string => join(user.store, 'machines', name)

/** Process of a machine's VM, once its record names it. */
function vmPid(name: string): number | undefined {
  const path = join(folder(name), 'tsmachine.json')
  if (!existsSync(path)) return undefined
  const { resources } = JSON.parse(readFileSync(path, 'utf8')) as LedgerRecord
  const pid = Number(resources.find(({ kind }) => kind === 'vm')?.attributes?.['pid'])
  return pid > 1 ? pid : undefined
}

async function killVm(t: Test, name: string): Promise<void> {
  const pid = vmPid(name) ?? 0
  t.ok(pid > 1 && processStart(pid), 'the VM runs')
  process.kill(pid, 'SIGKILL')
  await poll(10_000, () => Promise.resolve(processStart(pid) === undefined), 20)
}

/** Processes that work for machines of this store. */
const ours = (): readonly string[] =>
  processes()
    .filter(({ command }) => command.includes(user.home))
    .map(({ command }) => command)

t.test('creates at once on an empty store', async (t) => {
  const created = await Promise.all(
    NAMES.map((name) => runner.create('qemu', GitLabRunner.withName(OPTIONS, name), name)),
  )
  for (const { code, stdout, stderr } of created) {
    t.strictSame({ code, stderr }, { code: 0, stderr: '' })
    t.match(stdout, /Creating machine[^]*run: docker-machine env runner-/, 'progress')
  }
  for (const name of NAMES) t.strictSame(runner.metrics(name), { driver: 'qemu' })
  t.strictSame(runner.list(), NAMES)
})

t.test('the calls before each job, and a docker client with what they say', async (t) => {
  for (const name of NAMES) {
    runner.takeCalls()
    const { host, certPath } = await runner.beforeJob(name)
    const folderOf = 'inspect NAME -f {{.HostOptions.AuthOptions.StorePath}}'
    const calls = ['config NAME', 'config NAME', 'url NAME', folderOf]
    t.strictSame(
      runner.takeCalls(),
      calls.map((call) => call.replace('NAME', name)),
    )
    const env = { DOCKER_HOST: host, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: certPath }
    const info = await user.run('docker', ['info', '--format', '{{.Name}} {{json .Labels}}'], { env })
    t.match(info, { code: 0, stdout: /^runner-abcdefghi-a-group-of-runners-\S{1,27} / }, 'a name for hosts')
    t.match(info.stdout, `from=${name}`)
  }
})

t.test('scp copies from machine to machine, whose ports differ', async (t) => {
  const [from = '', to = ''] = NAMES
  await user.done(['ssh', from, 'echo between machines > /tmp/file'])
  await user.done(['scp', `${from}:/tmp/file`, `${to}:/tmp/copy`])
  t.equal(await user.done(['ssh', to, 'cat', '/tmp/copy']), 'between machines\n')
})

t.test('a machine whose VM was killed is unhealthy, and removed', async (t) => {
  const [name = ''] = NAMES
  await killVm(t, name)
  t.notOk(await runner.canConnect(name))
  t.equal(await runner.remove(name), 'removed')
  t.notOk(existsSync(folder(name)))
})

t.test('so is one of which only the record is left', async (t) => {
  const [, name = ''] = NAMES
  await killVm(t, name)
  for (const file of readdirSync(folder(name)))
    if (!/^(config|tsmachine)\.json$/.test(file)) rmSync(join(folder(name), file), { recursive: true })
  t.notOk(await runner.canConnect(name))
  t.equal(await runner.remove(name), 'removed')
  t.notOk(existsSync(folder(name)))
})

t.test('the others are removed one after another, and nothing is left of them', async (t) => {
  for (const name of NAMES.slice(2)) {
    runner.takeCalls()
    t.equal(await runner.remove(name), 'removed')
    t.strictSame(runner.takeCalls(), [`inspect ${name}`, `stop ${name}`, `rm -y ${name}`])
  }
  nothingLeft(t)
})

/** When a create is killed: what can be seen of it by then. */
const MOMENTS: Readonly<Record<string, (name: string) => boolean>> = {
  'its record is written': (name) => existsSync(join(folder(name), 'config.json')),
  'its VM runs': (name) => vmPid(name) !== undefined,
  'its guest boots': (name) => {
    const log = join(folder(name), 'console.log')
    return existsSync(log) && readFileSync(log, 'utf8').includes('tsmachine-init')
  },
}

for (const [moment, reached] of Object.entries(MOMENTS).slice(0, size('killMoments')))
  t.test(`a create killed when ${moment} is removed with its VM`, async (t) => {
    const { signal } = await runner.create('qemu', OPTIONS, 'killed', (child) => {
      void poll(60_000, () => Promise.resolve(reached('killed')), 5).then(() => child.kill('SIGKILL'))
    })
    t.equal(signal, 'SIGKILL')
    t.strictSame(runner.metrics('killed'), { driver: 'qemu' })
    t.equal(await runner.remove('killed'), 'removed')
    nothingLeft(t)
  })

function nothingLeft(t: Test): void {
  t.strictSame(runner.list(), [])
  t.strictSame(ours(), [], 'no process')
  t.strictSame(readdirSync(join(user.home, 'run', 'tsmachine')), [], 'no socket')
  t.strictSame(readdirSync(join(user.store, 'locks')), [], 'no lock')
}
