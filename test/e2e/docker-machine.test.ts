/**
 * What docker-machine's own suite (`integration/core`) expects, through a link of that name and the qemu driver: one
 * machine, three boots. What it expects of machines without a VM is in `test/integration`.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { certificateInfo } from '../../src/tls/inspect.js'
import { importBusybox } from '../helpers/busybox-image.js'
import { DockerMachineUser } from '../helpers/docker-machine.js'

t.setTimeout(900_000)

const NAME = 'shared'
const CREATE = [
  ...['create', '-d', 'qemu', '--qemu-memory', '1024', '--qemu-disk-size', '4000'],
  ...['--engine-label', 'spam=eggs', '--engine-storage-driver', 'overlay2', '--engine-env=TEST=VALUE'],
  ...['--engine-insecure-registry', 'registry.example', '--engine-opt', 'log-driver=none'],
  ...['--tls-san', 'foo.bar.tld', '--tls-san', '10.42.42.42', NAME],
]

const user = new DockerMachineUser()
t.teardown(() => user.cleanUp())

interface Said {
  readonly code: number | null
  /** stdout and stderr as they came, without empty lines: what the suite compares. */
  readonly lines: readonly string[]
}

/** A line of shell with `docker-machine` on PATH; `DM` in it stands for the program with crash reports off. */
async function sh(line: string, env: Readonly<Record<string, string>> = {}): Promise<Said> {
  const words = line.replaceAll(/\bDM\b/g, 'docker-machine --bugsnag-api-token=no-report')
  const path = `${user.home}:${user.env['PATH'] ?? ''}`
  const options = { cwd: user.home, env: { PATH: path, ...env } }
  const { code, stdout } = await user.run('sh', ['-c', `exec 2>&1\n${words}`], options)
  return { code, lines: stdout.split('\n').filter((each) => each !== '') }
}

/** The same for a line that must work. */
async function ok(t: Test, line: string): Promise<readonly string[]> {
  const { code, lines } = await sh(line)
  t.equal(code, 0, code === 0 ? line : `${line}\n${lines.join('\n')}`)
  return lines
}

/** And for one that must fail, with a text in what it says. */
async function fails(t: Test, line: string, text: string): Promise<void> {
  const { code, lines } = await sh(line)
  t.equal(code, 1, line)
  t.match(lines.join('\n'), text, line)
}

t.test('create', async (t) => {
  const outcome = await user.machine(CREATE)
  t.strictSame({ code: outcome.code, stderr: outcome.stderr }, { code: 0, stderr: '' })
  await importBusybox(user, NAME)
})

t.test('engine options are in force', async (t) => {
  const info = (await ok(t, `docker $(DM config ${NAME}) info`)).join('\n')
  t.match(info, /spam=eggs/)
  t.match(info, /Storage Driver: overlay2/)
  t.match(info, /registry\.example/)
  const quoted = `sudo cat /proc/$(pidof dockerd)/environ | tr "\\\\0" "\\\\n" | grep "^TEST="`
  t.strictSame(await ok(t, `DM ssh ${NAME} '${quoted}'`), ['TEST=VALUE'])
  await ok(t, `docker $(DM config ${NAME}) run --name quiet busybox echo unheard`)
  const driver = await ok(t, `docker $(DM config ${NAME}) inspect -f '{{.HostConfig.LogConfig.Type}}' quiet`)
  t.strictSame(driver, ['none'])
})

/** Names in the certificate that the host has. */
async function hostSans(t: Test): Promise<readonly string[]> {
  const pem = await ok(t, `DM ssh ${NAME} sudo cat /etc/docker/server.pem`)
  return certificateInfo(pem.join('\n')).sans
}

const hasOwnSans = (sans: readonly string[]): boolean =>
  ['foo.bar.tld', '10.42.42.42'].every((san) => sans.some((each) => each.endsWith(san)))

t.test(
  'extra names are in the certificate, also after regenerate-certs; docker goes on working',
  async (t) => {
    const before = await hostSans(t)
    t.ok(hasOwnSans(before), `before: ${before.join()}`)
    await ok(t, `DM regenerate-certs -f ${NAME}`)
    const after = await hostSans(t)
    t.ok(hasOwnSans(after), `after: ${after.join()}`)
    await ok(t, `docker $(DM config ${NAME}) version`)
  },
)

t.test('env evaluated by a shell points docker at the machine', async (t) => {
  const line = `eval "$(DM env ${NAME})" && docker info -f '{{.Name}}' && DM active`
  t.strictSame(await ok(t, line), [NAME, NAME])
})

t.test('inspect -f', async (t) => {
  t.strictSame(await ok(t, `DM inspect -f '{{.DriverName}}' ${NAME}`), ['qemu'])
  t.strictSame(await ok(t, `DM inspect -f '{{json .DriverName}}' ${NAME}`), ['"qemu"'])
  t.ok((await ok(t, `DM inspect -f '{{prettyjson .Driver}}' ${NAME}`)).length > 1)
  t.strictSame(await ok(t, `DM inspect -f '{{.Driver.SSHUser}}' ${NAME}`), ['docker'])
})

t.test('ssh, with the program and with our own client', async (t) => {
  for (const flags of ['', '--native-ssh']) {
    t.match((await ok(t, `DM ${flags} ssh ${NAME} df -h`)).join('\n'), /Filesystem/)
    t.strictSame(await ok(t, `DM ${flags} ssh ${NAME} echo foo`), ['foo'], flags)
  }
  t.strictSame(await ok(t, `DM ssh ${NAME} -C echo foo`), ['foo'], 'an option of ssh after the name')
})

t.test('scp copies both ways', async (t) => {
  const text = 'A file that came back\n'
  writeFileSync(join(user.home, 'there'), text)
  await ok(t, `DM scp there ${NAME}:/tmp/there`)
  await ok(t, `DM ssh ${NAME} mv /tmp/there /tmp/back`)
  await ok(t, `DM scp ${NAME}:/tmp/back .`)
  t.equal(readFileSync(join(user.home, 'back'), 'utf8'), text)
})

t.test('core commands of a machine that runs', async (t) => {
  await fails(t, 'DM inspect unknown', 'Docker machine "unknown" does not exist')
  t.equal((await ok(t, 'DM ls -q'))[0], NAME)
  t.equal((await ok(t, 'DM ls -q --filter state=Running'))[0], NAME)
  const again = await sh(`DM create -d qemu ${NAME}`)
  t.match(again, { code: 1, lines: { 0: `Docker machine "${NAME}" already exists` } })
  const greeting = `docker $(DM config ${NAME}) run --rm busybox echo hello world`
  t.strictSame(await ok(t, greeting), ['hello world'])
  for (const command of ['url', 'ip', 'version']) t.equal((await ok(t, `DM ${command} ${NAME}`)).length, 1)
  t.match((await ok(t, `DM ssh ${NAME} -- ls -lah /`))[0], /total/)
  t.match((await ok(t, `DM ssh ${NAME} -- sudo docker version`)).join('\n'), /Server/)
})

t.test('core commands of a machine that is stopped, killed and started', async (t) => {
  await ok(t, `DM stop ${NAME}`)
  t.match((await ok(t, 'DM ls'))[1], /Stopped/)
  for (const command of ['url', 'env', 'version'])
    await fails(t, `DM ${command} ${NAME}`, 'Host is not running')
  await ok(t, `DM upgrade ${NAME}`)
  await fails(t, `DM start ${NAME}`, 'is already running')
  t.match((await ok(t, 'DM ls --timeout 20'))[1], /Running/)
  await ok(t, `DM kill ${NAME}`)
  t.match((await ok(t, 'DM ls'))[1], /Stopped/)
  await ok(t, `DM restart ${NAME}`)
  t.match((await ok(t, 'DM ls --timeout 20'))[1], /Running/)
  t.strictSame(await ok(t, `DM status ${NAME}`), ['Running'])
})
