/**
 * A host of driver plugins makes a VM of our image and provisions it as docker-machine does boot2docker: its commands over
 * SSH, one by one, with certificates of an authority that we do not know. One machine, two boots.
 */
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { PROGRAM, TestUser } from '../helpers/cli.js'
import { testCertificates } from '../helpers/certificates.js'
import { goProgram } from '../helpers/go-programs.js'
import { poll } from '../helpers/poll.js'

t.setTimeout(900_000)

const NAME = 'm1'
const DATA = '/var/lib/boot2docker'
const OPTIONS = [
  'StrictHostKeyChecking=no',
  'UserKnownHostsFile=/dev/null',
  'IdentitiesOnly=yes',
  'LogLevel=ERROR',
]

interface Login {
  readonly host: string
  readonly port: number
  readonly key: string
  readonly user: string
}

const user = new TestUser()
const host = join(await goProgram('host'), 'plugin-host')
const theirs = await testCertificates()
t.teardown(async () => {
  theirs.remove()
  await user.cleanUp()
})

const bin = join(user.home, 'bin')
mkdirSync(bin)
symlinkSync(PROGRAM, join(bin, 'docker-machine-driver-ts-qemu'))

/** What the verbs of one plugin process came to; a failure is an error. */
async function plugin(...words: readonly string[]): Promise<Record<string, unknown>> {
  const PATH = `${bin}:${user.env['PATH'] ?? ''}`
  const args = ['--store', user.store, '--driver', 'ts-qemu', '--machine', NAME, ...words]
  const { code, stdout, stderr } = await user.run(host, args, { env: { PATH } })
  if (code !== 0) throw new Error(`${words.join(' ')}: ${stdout}\n${stderr}`)
  const lines = stdout.split('\n').filter(Boolean)
  return Object.fromEntries(
    lines
      .map((line) => JSON.parse(line) as { readonly verb?: string; readonly value?: unknown })
      .flatMap(({ verb, value }) => (verb ? [[verb, value]] : [])),
  )
}

async function guest(command: string): Promise<string> {
  const { host, port, key, user: name } = (await plugin('ssh'))['ssh'] as Login
  const words = [...OPTIONS.flatMap((option) => ['-o', option]), '-i', key, '-p', String(port)]
  const { code, stdout, stderr } = await user.run('ssh', ['-F', 'none', ...words, `${name}@${host}`, command])
  if (code !== 0) throw new Error(`${command}: ended with ${code ?? 'a signal'}\n${stdout}\n${stderr}`)
  return stdout
}

/** As docker-machine looks for it: half a minute, over netstat's table. */
async function listens(port: number): Promise<void> {
  const row = new RegExp(`:${port}\\s+.*:.*`)
  const look = async (): Promise<boolean> => {
    const table = await guest('if ! type netstat 1>/dev/null; then ss -tln; else netstat -tln; fi')
    return table.split('\n').some((line) => row.test(line))
  }
  await poll(30_000, look, 1_000, () => `nobody listens on ${port}`)
}

async function enginePort(): Promise<number> {
  return Number(new URL(String((await plugin('url'))['url']).replace('tcp:', 'http:')).port)
}

function profile(port: number): string {
  return [
    "\nEXTRA_ARGS='\n--label spam=eggs\n--label provider=ts-qemu\n\n'",
    `CACERT=${DATA}/ca.pem`,
    `DOCKER_HOST='-H tcp://0.0.0.0:${port}'`,
    'DOCKER_STORAGE=overlay2',
    'DOCKER_TLS=auto',
    `SERVERKEY=${DATA}/server-key.pem`,
    `SERVERCERT=${DATA}/server.pem`,
    '\nexport \\"TEST=VALUE\\"\n',
  ].join('\n')
}

/** The engine's labels as the real client reads them, or what it says. */
async function engine(certificates?: string): Promise<string> {
  const env = { DOCKER_CERT_PATH: certificates ?? join(user.store, 'machines', NAME) }
  const { code, stdout, stderr } = await user.docker(NAME, ['info', '-f', '{{.Labels}} {{.Name}}'], { env })
  return code === 0 ? stdout.trim() : stderr
}

/** Whoever put the certificates there gets in, and nobody else. */
async function answersTo(t: Test, certificates: string | undefined, labels: RegExp): Promise<void> {
  t.match(await engine(certificates), labels)
  t.match(await engine(certificates === undefined ? theirs.dir : undefined), /certificate/i)
}

t.test('the host makes it, and finds a system that it knows, with an engine that listens', async (t) => {
  await plugin('create', 'qemu-memory=1024', 'qemu-disk-size=4000')
  const ids = (await guest('cat /etc/os-release')).split('\n').filter((line) => line.startsWith('ID='))
  t.equal(ids.at(-1), 'ID=boot2docker')
  await guest(`sudo /usr/bin/sethostname other && echo "other" | sudo tee ${DATA}/etc/hostname`)
  t.equal((await guest('hostname')).trim(), 'other')
  await listens(2376)
  t.match(await guest('docker --version'), /^Docker version \d+\./)
})

t.test('the engine is provisioned by the host: its certificates, its flags, its port', async (t) => {
  await guest(`sudo mkdir -p ${DATA}`)
  await guest('sudo /etc/init.d/docker stop')
  await guest('if [ ! -z "$(ip link show docker0)" ]; then sudo ip link delete docker0; fi')
  const files = {
    'ca.pem': theirs.ca.caPem,
    'server.pem': theirs.server.cert,
    'server-key.pem': theirs.server.key,
  }
  for (const [file, text] of Object.entries(files))
    await guest(`printf '%s' '${text}' | sudo tee ${DATA}/${file}`)
  const port = await enginePort()
  await guest(`sudo mkdir -p ${DATA} && printf %s "${profile(port)}" | sudo tee ${DATA}/profile`)
  await guest('sudo /etc/init.d/docker start')
  await listens(port)
  await answersTo(t, theirs.dir, /spam=eggs.* other$/)
  t.equal(
    (await guest(`sudo cat /proc/$(pidof dockerd)/environ | tr '\\0' '\\n' | grep ^TEST=`)).trim(),
    'TEST=VALUE',
  )
})

t.test('after a stop and a start all of it is there again, without anybody’s help', async (t) => {
  await plugin('stop')
  t.equal((await plugin('state'))['state'], 'Stopped')
  await plugin('start')
  await listens(2376)
  await answersTo(t, theirs.dir, /spam=eggs/)
  t.equal(await guest(`cat ${DATA}/etc/hostname`), 'other\n')
})

t.test(
  'tsmachine still knows its image: it renews the certificates, and provisions the engine',
  async (t) => {
    await user.ok(['regenerate-certs', '-f', NAME])
    await answersTo(t, undefined, /spam=eggs/)
    await user.ok(['provision', NAME])
    await answersTo(t, undefined, /provider=qemu/)
    t.match(await guest('cat /etc/docker/daemon.json'), '"hosts"')
    t.equal(
      readFileSync(join(user.store, 'machines', NAME, 'ca.pem'), 'utf8'),
      await guest('cat /etc/docker/ca.pem'),
    )
    await plugin('remove')
  },
)
