import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '../../../../src/util/clock.js'
import { waitFor, withDeadline } from '../../../../src/util/wait.js'
import { CREDENTIAL } from '../../../doubles/ec2/index.js'
import { Ec2Trial } from '../../../helpers/ec2-trial.js'

/** What the SDK's search finds: files of this test, and no metadata service. */
function files(t: Test, credentials: string, config = ''): void {
  const dir = t.testdir({ credentials, config })
  const wanted = {
    AWS_SHARED_CREDENTIALS_FILE: join(dir, 'credentials'),
    AWS_CONFIG_FILE: join(dir, 'config'),
    AWS_EC2_METADATA_DISABLED: 'true',
  }
  for (const [name, value] of Object.entries(wanted)) variable(t, name, value)
}

function variable(t: Test, name: string, value: string): void {
  const before = process.env[name]
  process.env[name] = value
  t.teardown(() => (before === undefined ? delete process.env[name] : (process.env[name] = before)))
}

const NO_KEYS = { 'amazonec2-access-key': '', 'amazonec2-secret-key': '' }
const section = (name: string): string =>
  `[${name}]\naws_access_key_id = ${CREDENTIAL.accessKeyId}\naws_secret_access_key = ${CREDENTIAL.secretAccessKey}\n`

t.test('a profile of the user gives keys and region', async (t) => {
  files(t, section('ci'), '[profile ci]\nregion = eu-central-1\n')
  const trial = await Ec2Trial.start(t, { ...NO_KEYS, 'amazonec2-profile': 'ci' })
  await trial.create()
  t.match(trial.config, { region: 'eu-central-1', profile: 'ci' })
  t.ok(trial.double.requests.every(({ region }) => region === 'eu-central-1'))
})

t.test('without anything the default profile; a role of it through a program', async (t) => {
  files(t, '')
  const dir = t.testdir({})
  const program = join(dir, 'keys.sh')
  const keys = {
    Version: 1,
    AccessKeyId: CREDENTIAL.accessKeyId,
    SecretAccessKey: CREDENTIAL.secretAccessKey,
  }
  writeFileSync(program, `#!/bin/sh\necho '${JSON.stringify(keys)}'\n`, { mode: 0o755 })
  writeFileSync(process.env['AWS_CONFIG_FILE'] ?? '', `[default]\ncredential_process = ${program}\n`)
  const trial = await Ec2Trial.start(t, NO_KEYS)
  t.strictSame(await trial.preflight(), [])
})

t.test('a program that never tells the keys is left at an abort', async (t) => {
  files(t, '')
  const dir = t.testdir({})
  const [program, pid] = [join(dir, 'keys.sh'), join(dir, 'pid')]
  writeFileSync(program, `#!/bin/sh\necho $$ >'${pid}.new' && mv '${pid}.new' '${pid}' && exec sleep 60\n`, {
    mode: 0o755,
  })
  writeFileSync(process.env['AWS_CONFIG_FILE'] ?? '', `[default]\ncredential_process = ${program}\n`)
  const trial = await Ec2Trial.start(t, NO_KEYS, { driverClock: systemClock })
  const stop = new AbortController()
  const asking = trial.driver.states([trial.machine()], stop.signal)
  await waitFor('the program to start', () => Promise.resolve(existsSync(pid) || undefined), {
    deadlineMs: 30_000,
  })
  const started = Number(readFileSync(pid, 'utf8'))
  t.teardown(() => process.kill(started, 'SIGKILL'))
  stop.abort(new Error('Ctrl-C'))
  await t.rejects(
    withDeadline('the abort to be heard', 20_000, () => asking),
    { message: 'Ctrl-C' },
  )
})

t.test("without credentials: docker-machine's words, and what to do", async (t) => {
  files(t, '')
  const trial = await Ec2Trial.start(t, NO_KEYS)
  t.match(await trial.preflight(), [
    {
      message: /^amazonec2 driver requires AWS credentials configured with the --amazonec2-access-key and/,
      hint: /AWS_ACCESS_KEY_ID.*--amazonec2-profile/,
    },
  ])
  t.equal(trial.double.count(), 0)
})

/** A proxy that lets nobody through, and whom it was asked for. */
async function refusingProxy(t: Test): Promise<readonly string[]> {
  const asked: string[] = []
  const proxy = createServer().on('connect', ({ url }, socket) => {
    asked.push(url ?? '')
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.teardown(() => proxy.close())
  const { port } = proxy.address() as AddressInfo
  variable(t, 'HTTPS_PROXY', `http://127.0.0.1:${port}`)
  return asked
}

t.test('a proxy that refuses; no variable leads a machine of AWS to another endpoint', async (t) => {
  const asked = await refusingProxy(t)
  for (const [region, host] of [
    ['eu-central-1', 'ec2.eu-central-1.amazonaws.com:443'],
    ['cn-north-1', 'ec2.cn-north-1.amazonaws.com.cn:443'],
  ]) {
    const trial = await Ec2Trial.start(t, { 'amazonec2-endpoint': '', 'amazonec2-region': region ?? '' })
    variable(t, 'AWS_ENDPOINT_URL', trial.double.url)
    t.match(await trial.preflight(), [
      {
        message: /Cannot reach AWS in \S+ to .*the proxy refused: 403 Forbidden, through the proxy http:/,
        hint: /NO_PROXY/,
      },
    ])
    t.equal(asked.at(-1), host)
    t.equal(trial.double.count(), 0)
  }
})
