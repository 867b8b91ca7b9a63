/** Reaching the guest: SSH, file transfer, its services, its logs; and the verbs that only read the record. */
import { type ChildProcess } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { writeKnownHosts } from '../../../src/ssh/known-hosts.js'
import { sshOptions } from '../../../src/ssh/program.js'
import { poll } from '../../helpers/poll.js'
import type { Web } from './web.js'

/** A log that is followed: what makes a new line of it, and that line. */
const FOLLOWED = {
  engine: { write: 'sudo -n tsmachine-service engine reload', line: /SIGHUP|reload/i },
  boot: { write: 'echo a new line | sudo tee /dev/console', line: /a new line/ },
} as const

export function access(web: Web): void {
  const { user, dir } = web

  t.test('ssh runs commands, gives their status and feeds their input', async (t) => {
    t.match(await user.ok(['ssh', 'web', '--', 'uname', '-a']), /Linux web .*x86_64/)
    t.match(await user.ok(['ssh', 'web', '--', 'docker', 'ps']), /CONTAINER ID/)
    t.equal((await user.tsmachine(['ssh', 'web', '--', 'exit', '7'])).code, 7)
    t.equal((await user.tsmachine(['ssh', 'web', 'cat'], { input: 'through\n' })).stdout, 'through\n')
    t.equal(await web.inGuest('sudo -n id -u'), '0')
    t.equal(await web.inGuest('nproc'), '2', 'processors that were left asleep at the start are awake')
    t.equal(await web.inGuest('umask'), '0022', 'also where SSH was started anew for its next host key')
  })

  t.test('OpenSSH’s scp and sftp copy files with the pinned host key, and refuse another', async (t) => {
    const { hostKeys } = web.ledger()
    const port = Number(await user.ok(['inspect', '-f', '{{.Driver.SSHPort}}', 'web']))
    const to = { host: '127.0.0.1', port, user: 'docker' }
    const options = async (keys: string[]): Promise<string[]> => {
      const knownHostsPath = await writeKnownHosts(join(user.home, 'pins'), to, { keys })
      const pinned = sshOptions({ keyPath: join(dir, 'id_rsa'), knownHostsPath })
      return [...pinned, '-o', `Port=${port}`]
    }
    const pinned = await options([hostKeys?.current ?? ''])
    const [source, back] = [join(user.home, 'sent'), join(user.home, 'back')]
    writeFileSync(source, 'x'.repeat(300_000))
    const sent = await user.run('scp', [...pinned, source, 'docker@127.0.0.1:sent'])
    t.equal(sent.code, 0, sent.stderr)
    const batch = `rename sent moved\nget moved ${back}\n`
    const got = await user.run('sftp', [...pinned, '-b', '-', 'docker@127.0.0.1'], { input: batch })
    t.equal(got.code, 0, got.stderr)
    t.equal(readFileSync(back, 'utf8'), readFileSync(source, 'utf8'))
    const other = await options([
      'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE',
    ])
    const refused = await user.run('scp', [...other, source, 'docker@127.0.0.1:refused'])
    t.not(refused.code, 0)
    t.match(refused.stderr, /Host key verification failed|IDENTIFICATION HAS CHANGED/)
  })

  t.test('scp, ssh-config and the client of our own reach the guest’s dropbear', async (t) => {
    const [source, back] = [join(user.home, 'to send'), join(user.home, 'got back')]
    writeFileSync(source, 'x'.repeat(300_001), { mode: 0o640 })
    for (const own of [[], ['--native-ssh']]) {
      await user.ok([...own, 'scp', source, 'web:a b'])
      await user.ok([...own, 'scp', 'web:a?b', back])
      t.equal(readFileSync(back, 'utf8'), readFileSync(source, 'utf8'))
      t.equal(await user.ok([...own, 'ssh', 'web', '-C', 'echo', 'foo']), 'foo\n')
    }
    t.equal(await web.inGuest("stat -c %a 'a b'"), '640')
    const config = join(user.home, 'ssh_config')
    writeFileSync(config, await user.ok(['ssh-config', 'web']))
    t.equal((await user.run('ssh', ['-F', config, 'web', 'hostname'])).stdout, 'web\n')
    const delta = await user.tsmachine(['scp', '-d', '-q', source, 'web:x'])
    t.match(delta, { code: 1, stderr: /There is no rsync on "web"/ })
  })

  t.test('the service contract: exit codes of start, stop, status and log', async (t) => {
    const service = async (words: string) => {
      const { code, stdout, stderr } = await web.guest(`tsmachine-service engine ${words}`)
      return { code, text: stdout + stderr }
    }
    const running = { code: 0, text: /^engine: running \(pid \d+\)\n$/ }
    const before = await service('status')
    t.match(before, running)
    t.match(await service('start'), { code: 0, text: '' }, 'what runs is left alone')
    t.strictSame(await service('status'), before)
    t.match(await service('stop'), { code: 0 })
    t.strictSame(await service('status'), { code: 3, text: 'engine: stopped\n' })
    t.not((await user.docker('web', ['version'])).code, 0, 'nobody answers')
    t.match(await service('stop'), { code: 0 }, 'stopping again changes nothing')
    t.match(await service('start'), { code: 0 })
    const after = await service('status')
    t.match(after, running)
    t.not(after.text, before.text, 'another process')
    t.match(await web.docker('version', '-f', '{{.Server.Version}}'), /^\d/)
    const log = await service('log -n 3')
    t.match(log, { code: 0, text: /API listen on/ })
    t.equal(log.text.trim().split('\n').length, 3)
    for (const wrong of ['', 'explode', 'log -n many']) t.equal((await service(wrong)).code, 2, `"${wrong}"`)
    t.equal((await web.guest('tsmachine-service nothing status')).code, 2)
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

  t.test('doctor finds this computer fit and the machine in its store', async (t) => {
    const { code, stdout, stderr } = await user.tsmachine(['doctor'])
    t.equal(code, 0, stdout + stderr)
    t.match(stdout, /^ok +qemu: .*qemu-system-x86_64 \d/m)
    t.match(stdout, /^ok +boot image: /m)
    t.match(stdout, /^ok +machines: 1$/m)
    t.notMatch(stdout, /^BAD/m)
  })

  t.test('logs show the boot and the engine', async (t) => {
    t.match(await user.ok(['logs', 'web', '--boot']), /tsmachine-init: ready/)
    t.match(await user.ok(['logs', 'web', '--engine']), /API listen on/)
  })

  t.test('logs -f prints a line when it is written, and ends with Ctrl-C', async (t) => {
    for (const [kind, { write, line }] of Object.entries(FOLLOWED)) {
      let child: ChildProcess | undefined
      let seen = ''
      const following = user.tsmachine(['logs', `--${kind}`, '-f', '-n', '1', 'web'], {
        started: (started) => {
          child = started
          child.stdout?.on('data', (chunk: Buffer) => (seen += chunk.toString()))
        },
      })
      await poll(30_000, () => Promise.resolve(seen !== ''), 50)
      const before = seen
      await web.inGuest(write)
      const isThere = (): Promise<boolean> => Promise.resolve(line.test(seen.slice(before.length)))
      await poll(10_000, isThere, 50, () => seen)
      t.equal(child?.exitCode, null, `${kind}: it still follows`)
      child?.kill('SIGINT')
      t.match(await following, { code: 130, signal: null }, kind)
    }
  })

  t.test('use makes the context current and goes back', async (t) => {
    const warned = await user.tsmachine(['use', 'web'], { env: { DOCKER_HOST: 'tcp://192.0.2.1:2376' } })
    t.equal(warned.code, 0)
    t.match(warned.stderr, /DOCKER_HOST/)
    t.equal((await user.run('docker', ['context', 'show'])).stdout, 'web\n')
    await user.ok(['use', '-'])
    t.equal((await user.run('docker', ['context', 'show'])).stdout, 'default\n')
  })
}
