/** The main job on a real VM of our own image: one machine, three boots. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, get } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import type { LedgerRecord } from '../../src/contracts/record.js'
import { debianTool } from '../../tools/debian-tool.js'
import { processStart } from '../../src/util/process.js'
import { importBusybox } from '../helpers/busybox-image.js'
import { PROGRAM, TestUser } from '../helpers/cli.js'
import { poll } from '../helpers/poll.js'
import { startRegistry } from '../helpers/registry.js'
import { pauseVm } from '../helpers/pause-vm.js'

t.setTimeout(900_000)
const user = new TestUser()
const shared = join(user.home, 'shared folder')
mkdirSync(shared)
const dir = join(user.store, 'machines', 'web')
const registry = await startRegistry()
t.teardown(async () => {
  await user.cleanUp()
  await registry.stop()
})

const ledger = (): LedgerRecord =>
  JSON.parse(readFileSync(join(dir, 'tsmachine.json'), 'utf8')) as LedgerRecord
const docker = (...args: string[]) => user.docker('web', args)
async function dockerOk(...args: string[]): Promise<string> {
  const outcome = await docker(...args)
  if (outcome.code !== 0) throw new Error(`docker ${args.join(' ')}: ${outcome.stderr}`)
  return outcome.stdout.trim()
}

function fetchText(port: number): Promise<string> {
  return new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, timeout: 1_000 }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.on('end', () => resolve(text))
    })
    request.on('error', () => resolve(''))
    request.on('timeout', () => request.destroy())
  })
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}

t.test('create makes a machine, its certificates and its Docker context', async (t) => {
  const args = ['create', '--qemu-memory', '1024', '--qemu-cpu-count', '2', '--qemu-disk-size', '20000']
  args.push(
    '--qemu-share',
    `${shared}:/mnt/shared`,
    '--engine-registry-ca',
    `${registry.address}=${registry.ca}`,
  )
  args.push('--engine-label', 'note=it costs $5 "today"', 'web')
  const outcome = await user.tsmachine(args)
  t.equal(outcome.code, 0, outcome.stderr)
  t.match(outcome.stderr, /Waiting for machine to boot[^]*Checking the TLS connection/)
  const record = ledger()
  t.match(record, { phase: 'ready', dockerContext: 'web', hostKeys: { source: 'given', rotated: true } })
  t.equal(record.failure, undefined)
  t.strictSame(record.stepsDone, ['make', 'boot', 'ssh', 'identity', 'provision', 'engine', 'tls'])
})

t.test('nothing on this computer keeps the private host key after its rotation', async (t) => {
  const seed = readdirSync(join(dir, 'seed')).map((name) => readFileSync(join(dir, 'seed', name), 'utf8'))
  t.ok(seed.length > 0)
  t.notOk(seed.some((text) => text.includes('PRIVATE KEY')))
  t.notOk(existsSync(join(dir, 'host_key')))
})

t.test('secret files and folders are the owner’s alone', async (t) => {
  for (const name of ['id_rsa', 'key.pem', 'server-key.pem', 'config.json', 'tsmachine.json'])
    t.equal(statSync(join(dir, name)).mode & 0o777, 0o600, name)
  t.equal(statSync(dir).mode & 0o777, 0o700)
})

t.test('env points a shell’s docker at the machine', async (t) => {
  const program = `eval "$(${process.execPath} ${PROGRAM} env web)" && docker info --format '{{.Name}} {{json .Labels}}'`
  const outcome = await user.run('sh', ['-c', program])
  t.match(outcome.stdout, /^web /, outcome.stderr)
  t.match(
    outcome.stdout,
    'note=it costs $5 \\"today\\"',
    'a label with quotes, $ and spaces arrives as it is',
  )
  t.match(outcome.stdout, 'provider=qemu')
})

t.test('the Docker context works without any variable', async (t) => {
  const outcome = await user.run('docker', ['--context', 'web', 'version', '--format', '{{.Server.Version}}'])
  t.match(outcome.stdout, /^\d+\.\d+/, outcome.stderr)
})

t.test('a container runs', async (t) => {
  await importBusybox(user, 'web')
  t.equal(
    await dockerOk('run', '--rm', 'busybox', 'echo', 'hello from the container'),
    'hello from the container',
  )
})

t.test('a published port is reachable here at once and goes with its container', async (t) => {
  const port = await freePort()
  const serve = 'mkdir -p /www && echo served > /www/index.html && httpd -f -p 80 -h /www'
  await dockerOk('run', '-d', '--init', '--name', 'site', '-p', `${port}:80`, 'busybox', 'sh', '-c', serve)
  const { answer, tookMs } = await poll(20_000, () => fetchText(port), 100)
  t.equal(answer.trim(), 'served')
  t.comment(`reachable ${Math.round(tookMs)} ms after docker run returned`)
  t.match(await user.ok(['forward', 'web']), new RegExp(`127.0.0.1:${port} .*container site`))
  await dockerOk('rm', '-f', 'site')
  const gone = await poll(10_000, async () => (await fetchText(port)) === '')
  t.ok(gone.answer, 'the forward is gone')
})

t.test('a port taken on this computer is shown and never stops the container', async (t) => {
  const taken = createTcpServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => taken.once('listening', resolve))
  const address = taken.address()
  const port = typeof address === 'object' && address ? address.port : 0
  await dockerOk('run', '-d', '--init', '--name', 'blocked', '-p', `${port}:80`, 'busybox', 'sleep', '600')
  const shown = await poll(10_000, async () => (await user.ok(['forward', 'web'])).includes(String(port)))
  t.ok(shown.answer)
  t.match(await user.ok(['forward', 'web']), /blocked.*(in use|taken)/)
  t.match(await user.ok(['ls']), new RegExp(String(port)), 'ls says so too')
  t.equal(await dockerOk('inspect', '-f', '{{.State.Running}}', 'blocked'), 'true')
  await dockerOk('rm', '-f', 'blocked')
  await new Promise((resolve) => taken.close(resolve))
})

t.test('a shared folder works both ways from a container', async (t) => {
  writeFileSync(join(shared, 'from-here'), 'written here\n')
  const mount = ['-v', '/mnt/shared:/src']
  t.equal(await dockerOk('run', '--rm', ...mount, 'busybox', 'cat', '/src/from-here'), 'written here')
  await dockerOk('run', '--rm', ...mount, 'busybox', 'sh', '-c', 'echo written there > /src/from-there')
  t.equal(readFileSync(join(shared, 'from-there'), 'utf8'), 'written there\n')
})

t.test('docker compose brings two services up that reach each other', async (t) => {
  const compose = await debianTool('docker-compose')
  const project = join(user.home, 'project')
  mkdirSync(project)
  writeFileSync(
    join(project, 'compose.yaml'),
    `services:
  site:
    image: busybox
    init: true
    command: sh -c "mkdir -p /www && echo composed > /www/index.html && httpd -f -p 80 -h /www"
  client:
    image: busybox
    init: true
    depends_on: [site]
    command: sh -c "for i in 1 2 3 4 5 6 7 8 9; do wget -q -O - http://site/ && exit 0; sleep 1; done; exit 1"
`,
  )
  const url = (await user.ok(['url', 'web'])).trim()
  const env = { DOCKER_HOST: url, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: dir }
  const up = await user.run(compose, ['up', '-d'], { cwd: project, env })
  t.equal(up.code, 0, up.stderr)
  const { answer } = await poll(30_000, async () =>
    (await dockerOk('logs', 'project-client-1')).includes('composed'),
  )
  t.ok(answer, 'the client service read from the other')
  const down = await user.run(compose, ['down', '-t', '1'], { cwd: project, env })
  t.equal(down.code, 0, down.stderr)
})

t.test('images are pushed to and pulled from a registry with its own CA', async (t) => {
  const image = `${registry.address}/tests/busybox:1`
  await dockerOk('tag', 'busybox', image)
  await dockerOk('push', image)
  await dockerOk('rmi', image)
  t.match(await dockerOk('pull', image), /Downloaded newer image/)
})

t.test('ssh runs commands, gives their status and feeds their input', async (t) => {
  t.match(await user.ok(['ssh', 'web', '--', 'uname', '-a']), /Linux web .*x86_64/)
  t.match(await user.ok(['ssh', 'web', '--', 'docker', 'ps']), /CONTAINER ID/)
  t.equal((await user.tsmachine(['ssh', 'web', '--', 'exit', '7'])).code, 7)
  t.equal((await user.tsmachine(['ssh', 'web', 'cat'], { input: 'through\n' })).stdout, 'through\n')
  t.equal((await user.ok(['ssh', 'web', '--', 'sudo', '-n', 'id', '-u'])).trim(), '0')
})

t.test('the record-only verbs answer', async (t) => {
  t.match(await user.ok(['ip', 'web']), /^127\.0\.0\.1\n$/)
  t.match(await user.ok(['url', 'web']), /^tcp:\/\/127\.0\.0\.1:\d+\n$/)
  t.equal(await user.ok(['status', 'web']), 'Running\n')
  t.equal(await user.ok(['inspect', '-f', '{{.DriverName}} {{.Name}}', 'web']), 'qemu web\n')
  t.equal(await user.ok(['ls', '-q']), 'web\n')
  t.equal(
    await user.ok(['active'], { env: { DOCKER_HOST: (await user.ok(['url', 'web'])).trim() } }),
    'web\n',
  )
  t.match(await user.ok(['version', 'web']), /^\d+\.\d+/)
  t.match(await user.ok(['config', 'web']), /^--tlsverify\n--tlscacert="/)
})

t.test('logs show the boot and the engine', async (t) => {
  t.match(await user.ok(['logs', 'web', '--boot']), /tsmachine-init: ready/)
  t.match(await user.ok(['logs', 'web', '--engine']), /API listen on/)
})

t.test('use makes the context current and goes back', async (t) => {
  const warned = await user.tsmachine(['use', 'web'], { env: { DOCKER_HOST: 'tcp://192.0.2.1:2376' } })
  t.equal(warned.code, 0)
  t.match(warned.stderr, /DOCKER_HOST/)
  t.equal((await user.run('docker', ['context', 'show'])).stdout, 'web\n')
  await user.ok(['use', '-'])
  t.equal((await user.run('docker', ['context', 'show'])).stdout, 'default\n')
})

t.test('renewing the certificate keeps every container running', async (t) => {
  await dockerOk('run', '-d', '--init', '--name', 'steady', 'busybox', 'sleep', '3600')
  const pid = await dockerOk('inspect', '-f', '{{.State.Pid}} {{.State.StartedAt}}', 'steady')
  const before = readFileSync(join(dir, 'server.pem'), 'utf8')
  rmSync(join(dir, 'server.pem'))
  const outcome = await user.tsmachine(['provision', 'web'])
  t.equal(outcome.code, 0, outcome.stderr)
  t.not(readFileSync(join(dir, 'server.pem'), 'utf8'), before)
  t.equal(await dockerOk('inspect', '-f', '{{.State.Pid}} {{.State.StartedAt}}', 'steady'), pid)
})

t.test('provisioning again changes nothing', async (t) => {
  const started = await user.ok(['ssh', 'web', '--', 'cat', '/proc/$(pidof', 'dockerd)/stat'])
  await user.ok(['provision', 'web'])
  const again = await user.ok(['ssh', 'web', '--', 'cat', '/proc/$(pidof', 'dockerd)/stat'])
  t.equal(again.split(' ')[21], started.split(' ')[21], 'the same engine process still runs')
})

t.test('a host that shows another key is refused, loudly', async (t) => {
  const path = join(dir, 'tsmachine.json')
  const text = readFileSync(path, 'utf8')
  const other = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE'
  writeFileSync(path, text.replace(ledger().hostKeys?.current ?? 'none', other))
  const provision = await user.tsmachine(['provision', 'web'])
  t.equal(provision.code, 1)
  t.match(provision.stderr, /host key[^]*SHA256:/i)
  const ssh = await user.tsmachine(['ssh', 'web', '--', 'true'])
  t.not(ssh.code, 0, 'the ssh program refuses it as well')
  writeFileSync(path, text)
  await user.ok(['ssh', 'web', '--', 'true'])
})

t.test('a missing SSH key is named', async (t) => {
  const path = join(dir, 'id_rsa')
  const key = readFileSync(path)
  rmSync(path)
  const outcome = await user.tsmachine(['provision', 'web'])
  t.equal(outcome.code, 1)
  t.match(outcome.stderr, path)
  writeFileSync(path, key, { mode: 0o600 })
})

t.test('pins and ledger survive when docker-machine writes config.json again', async (t) => {
  const path = join(dir, 'config.json')
  const before = ledger()
  const config = JSON.parse(readFileSync(path, 'utf8')) as Record<string, Record<string, unknown>>
  writeFileSync(
    path,
    JSON.stringify({ ...config, Driver: { ...config['Driver'], SSHPort: 1 } }, undefined, 4),
  )
  t.equal(await user.ok(['status', 'web']), 'Running\n')
  writeFileSync(path, JSON.stringify(config, undefined, 4))
  await user.ok(['provision', 'web'])
  const after = ledger()
  t.strictSame(after.hostKeys, before.hostKeys)
  t.strictSame(after.resources, before.resources)
})

t.test('the clock is right again soon after the VM was paused', async (t) => {
  await pauseVm(ledger(), 20_000)
  const drift = async (): Promise<boolean> => {
    const seconds = Number(await user.ok(['ssh', 'web', '--', 'date', '+%s']))
    return Math.abs(seconds - Date.now() / 1_000) <= 3
  }
  const { answer, tookMs } = await poll(40_000, drift, 1_000)
  t.ok(answer)
  t.comment(`right after ${Math.round(tookMs / 1_000)} s`)
})

t.test('containers, images and volumes survive stop and start', async (t) => {
  await dockerOk('run', '--rm', '-v', 'kept:/data', 'busybox', 'sh', '-c', 'echo precious > /data/file')
  await user.ok(['stop', 'web'])
  t.equal(await user.ok(['status', 'web']), 'Stopped\n')
  const url = await user.tsmachine(['url', 'web'])
  t.equal(url.code, 1)
  t.match(url.stderr, 'Host is not running')
  await user.ok(['start', 'web'])
  t.equal(await dockerOk('run', '--rm', '-v', 'kept:/data', 'busybox', 'cat', '/data/file'), 'precious')
  t.match(await dockerOk('ps', '-a', '--format', '{{.Names}}'), 'steady')
})

t.test('they survive a pulled plug as well', async (t) => {
  await dockerOk('run', '--rm', '-v', 'kept:/data', 'busybox', 'sh', '-c', 'echo still > /data/file; sync')
  await user.ok(['kill', 'web'])
  t.equal(await user.ok(['status', 'web']), 'Stopped\n')
  await user.ok(['start', 'web'])
  t.equal(await dockerOk('run', '--rm', '-v', 'kept:/data', 'busybox', 'cat', '/data/file'), 'still')
  t.match(
    (await user.run('docker', ['--context', 'web', 'version'])).stdout,
    /Server/,
    'the context follows the ports',
  )
})

t.test('rm leaves nothing behind', async (t) => {
  await user.ok(['use', 'web'])
  const pid = Number(ledger().resources.find((resource) => resource.kind === 'vm')?.attributes?.['pid'])
  await user.ok(['rm', '-y', 'web'])
  t.notOk(existsSync(dir))
  t.equal(processStart(pid), undefined, 'the VM is gone')
  t.equal((await user.run('docker', ['context', 'show'])).stdout, 'default\n')
  t.notMatch((await user.run('docker', ['context', 'ls'])).stdout, /^web /m)
  t.strictSame(readdirSync(join(user.home, 'run', 'tsmachine')), [], 'no socket is left')
  t.strictSame(readdirSync(join(user.store, 'locks')), [], 'no lock is left')
})
