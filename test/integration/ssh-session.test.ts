import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { SshHost } from '../../src/ssh/host.js'
import { runInteractive } from '../../src/ssh/interactive.js'
import { generateKeyPair } from '../../src/ssh/key-pair.js'
import { writeKnownHosts } from '../../src/ssh/known-hosts.js'
import { sshProgramArgs } from '../../src/ssh/program.js'
import { makeKey, startSshd } from '../helpers/sshd.js'

const dir = mkdtempSync(join(tmpdir(), 'tsm-session-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))

const pair = generateKeyPair('tsmachine test')
const keyPath = join(dir, 'id_rsa')
writeFileSync(keyPath, pair.privatePem, { mode: 0o600 })
const server = await startSshd({ hostKeys: ['rsa', 'ed25519'], authorized: [pair.publicLine] })
t.teardown(() => server.stop())
const [rsaHost = '', edHost = ''] = server.hostKeys
const pins = { keys: [edHost] }
const { port, user } = server
const host: SshHost = { name: 'there', endpoint: { host: server.host, port, user }, pins, keyPath, dir }

t.test("the system's ssh accepts exactly the pins of the file that we write", async (t) => {
  const home = join(dir, 'a dir with "quotes" and 100% blanks')
  const ssh = async (keys: string[]): Promise<{ status: number; stderr: string; stdout: string }> => {
    const knownHostsPath = await writeKnownHosts(home, server, { keys })
    t.equal(statSync(knownHostsPath).mode & 0o777, 0o600)
    const args = sshProgramArgs(server, { keyPath, knownHostsPath, extra: ['--', 'echo', '$((20+3))'] })
    const child = spawn('ssh', args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (chunk) => (stdout += String(chunk)))
    child.stderr.on('data', (chunk) => (stderr += String(chunk)))
    const [status] = (await once(child, 'close')) as [number]
    return { status, stdout, stderr }
  }
  t.match(await ssh([edHost]), { status: 0, stdout: '23\n' })
  t.match(await ssh([rsaHost]), { status: 0, stdout: '23\n' })
  const other = makeKey(join(dir, 'fourth_host'), 'ed25519')
  t.match(await ssh([other, edHost]), { status: 0 })
  t.match(await ssh([other]), {
    status: 255,
    stderr: /REMOTE HOST IDENTIFICATION HAS CHANGED|verification failed/,
  })
})

t.test(
  'interactive runs end with the remote status, with the system ssh and with our own client',
  async (t) => {
    for (const own of [false, true])
      t.equal(
        await runInteractive(host, {
          ...(own ? { program: null } : {}),
          extra: ['-qT', '-C', 'exit', '3'],
        }),
        3,
      )
    await t.rejects(runInteractive(host, { program: null, extra: ['-L', '1:2:3'] }), {
      code: 'usage',
      message: /"-L" needs the ssh program/,
    })
  },
)

t.test('our own client on a terminal: a shell with pty, its window size, and its changes', async (t) => {
  const module = new URL('../../src/ssh/interactive.ts', import.meta.url).href
  const code = `const { runInteractive } = await import(${JSON.stringify(module)})
    process.exitCode = await runInteractive(JSON.parse(process.env.TSM_SESSION), { program: null })`
  const session = JSON.stringify(host)
  const flag = join(dir, 'resize')
  // script(1) lends the terminal; changing its size there is what a user's window does.
  const local =
    'stty rows 33 cols 99; (until [ -e "$FLAG" ]; do sleep 0.1; done; stty rows 40 cols 120 </dev/tty) & "$NODE" --import tsx --input-type=module -e "$CODE"'
  const child = spawn('script', ['-qec', local, '/dev/null'], {
    env: {
      ...process.env,
      SHELL: '/bin/sh',
      NODE: process.execPath,
      CODE: code,
      TSM_SESSION: session,
      FLAG: flag,
    },
    stdio: ['pipe', 'pipe', 'inherit'],
    timeout: 40_000,
  })
  let seen = ''
  child.stdout.on('data', (chunk) => {
    seen += String(chunk)
    if (seen.includes('size 33 99')) writeFileSync(flag, '')
  })
  child.stdin.write(
    'echo "size $(stty size)"; until [ "$(stty size)" = "40 120" ]; do sleep 0.1; done; echo re"sized"; exit 4\n',
  )
  const [status] = (await once(child, 'close')) as [number]
  t.match(seen, /size 33 99/)
  t.match(seen, /\nresized/)
  t.equal(status, 4)
})
