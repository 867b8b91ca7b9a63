/** Copies between this computer and two hosts with other ports, host keys and client keys; by scp and by our own client. */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { copyFiles, type CopyRequest } from '../../src/machine/copy.js'
import { generateKeyPair } from '../../src/ssh/key-pair.js'
import { scratchDir } from '../helpers/driver-deps.js'
import { machineContext } from '../helpers/machine-context.js'
import { recordSshMachine, startSshMachine } from '../helpers/ssh-machine.js'

const dir = scratchDir(t)
// Blanks and quotes in the path of keys and known_hosts must not matter.
const root = join(dir, 'a "store" of 100%')
const store = join(root, 'store')
const homes = { one: join(dir, 'home one'.replace(' ', '-')), two: join(dir, 'home-two') }
for (const home of Object.values(homes)) mkdirSync(home)
const one = await startSshMachine(store, 'one', { sftpDir: homes.one })
const two = await startSshMachine(store, 'two', { sftpDir: homes.two, hostKeys: ['rsa'] })
for (const { sshd } of [one, two]) t.teardown(() => sshd.stop())

const CLIENTS = ['scp', 'own'] as const
type Client = (typeof CLIENTS)[number]

/** Both clients end a copy that failed in their way: a status, or an error. */
async function copy(
  client: Client,
  source: string,
  target: string,
  wish: Partial<CopyRequest> = {},
): Promise<number> {
  const ctx = { ...machineContext({ dir: root, env: { HOME: dir } }), nativeSsh: client === 'own' }
  const request = { source, target, recursive: false, delta: false, quiet: true, ...wish }
  return await copyFiles(ctx, request)
}

async function fails(
  t: Test,
  client: Client,
  source: string,
  target: string,
  message: RegExp,
  wish = {},
): Promise<void> {
  const copying = copy(client, source, target, wish)
  if (client === 'own') await t.rejects(copying, { code: 'ssh', message })
  else t.not(await copying, 0)
}

/** A folder of this computer for one test with one client. */
function here(t: Test): string {
  return scratchDir(t)
}

for (const client of CLIENTS) {
  t.test(`${client}: a file goes up, from host to host, and comes back the same`, async (t) => {
    const from = here(t)
    for (const size of [0, 1, 32 * 1024, 3_000_001]) {
      const content = randomBytes(size)
      const path = join(from, `file-${size}`)
      writeFileSync(path, content)
      chmodSync(path, 0o750)
      t.equal(await copy(client, path, 'one:up'), 0)
      t.equal(await copy(client, 'one:up', `${two.sshd.user}@two:${join(homes.two, 'over')}`), 0)
      t.equal(await copy(client, 'two:over', join(from, 'back')), 0)
      t.ok(readFileSync(join(from, 'back')).equals(content), `${size} bytes`)
      t.equal(statSync(join(homes.one, 'up')).mode & 0o777, 0o750)
    }
  })

  t.test(`${client}: names with blanks, quotes, colons, dashes and wildcards are names`, async (t) => {
    const from = here(t)
    const names = ['two  blanks', `it's "quoted" $HOME`, '-r', 'a:b', 'ünï', 'star*', 'back`tick`;x']
    for (const name of names) {
      writeFileSync(join(from, name), name)
      t.equal(await copy(client, join(from, name), `one:${homes.one}/in ${name}`), 0, name)
      t.equal(readFileSync(join(homes.one, `in ${name}`), 'utf8'), name)
      t.equal(await copy(client, `one:in ${name}`, join(from, 'out')), 0, name)
      t.equal(readFileSync(join(from, 'out'), 'utf8'), name)
    }
  })

  t.test(`${client}: a pattern stands for what it matches on the host, hidden files left out`, async (t) => {
    const to = here(t)
    const there = here(t)
    for (const name of ['a1.log', 'a2.log', 'b1.log', '.a3.log', 'a4.txt', 'a[1].log'])
      writeFileSync(join(there, name), name)
    t.equal(await copy(client, `one:${there}/a?.l*`, to), 0)
    t.strictSame(readdirSync(to).sort(), ['a1.log', 'a2.log'])
    t.equal(await copy(client, `one:${there}/[!a]*`, to), 0)
    t.ok(existsSync(join(to, 'b1.log')))
    await fails(t, client, `one:${there}/*.none`, to, /\*\.none: No such file or directory$/)
    await fails(t, client, `one:${there}/a*`, join(to, 'a1.log'), /a1\.log: Not a directory$/)
  })

  t.test(
    `${client}: -r copies a tree with its modes; into a directory that exists under its name`,
    async (t) => {
      const [from, to] = [join(here(t), 'site'), here(t)]
      mkdirSync(join(from, 'deep', 'er'), { recursive: true })
      writeFileSync(join(from, 'run.sh'), '#!/bin/sh\n', { mode: 0o755 })
      writeFileSync(join(from, 'deep', 'er', 'secret file'), 'x', { mode: 0o600 })
      symlinkSync('run.sh', join(from, 'link'))
      chmodSync(join(from, 'deep', 'er'), 0o550)
      const there = join(here(t), 'new')
      t.equal(await copy(client, from, `one:${there}`, { recursive: true }), 0)
      t.equal(await copy(client, `one:${there}`, `two:${to}`, { recursive: true }), 0)
      t.equal(await copy(client, `two:${to}/new`, `${to}/back`, { recursive: true }), 0)
      for (const copied of [there, join(to, 'new'), join(to, 'back')]) {
        t.equal(statSync(join(copied, 'run.sh')).mode & 0o777, 0o755)
        t.equal(statSync(join(copied, 'deep', 'er', 'secret file')).mode & 0o777, 0o600)
        t.ok(lstatSync(join(copied, 'link')).isFile(), 'what a link leads to is copied')
        t.equal(readFileSync(join(copied, 'link'), 'utf8'), '#!/bin/sh\n')
      }
      for (const path of [join(from, 'deep', 'er'), join(there, 'deep', 'er')]) chmodSync(path, 0o700)
    },
  )

  t.test(`${client}: what cannot be copied is a failure, and does not keep the rest from it`, async (t) => {
    const [from, to] = [here(t), here(t)]
    writeFileSync(join(from, 'good'), 'good')
    symlinkSync('nowhere', join(from, 'dangling'))
    await fails(t, client, `one:${from}/missing`, to, /one:.*missing: No such file or directory$/)
    await fails(t, client, from, `one:${to}`, /without -r/)
    await fails(t, client, join(from, 'good'), `one:${to}/no/such/place`, /No such file or directory$/)
    await fails(t, client, from, `one:${to}/all`, /dangling: No such file/, { recursive: true })
    t.equal(readFileSync(join(to, 'all', 'good'), 'utf8'), 'good')
  })

  t.test(`${client}: a host with another key is refused, and gets and gives nothing`, async (t) => {
    const to = here(t)
    writeFileSync(join(to, 'secret'), 'secret')
    const other = generateKeyPair('other').publicLine.split(' ').slice(0, 2).join(' ')
    const name = `wrong-${client}`
    await recordSshMachine(store, name, one.sshd, { hostKey: other })
    writeFileSync(join(store, 'machines', name, 'id_rsa'), readFileSync(one.keyPath), { mode: 0o600 })
    const refuse = async (source: string, target: string): Promise<void> => {
      const copying = copy(client, source, target)
      if (client === 'own') await t.rejects(copying, { code: 'host-key' })
      else t.not(await copying, 0)
    }
    await refuse(join(to, 'secret'), `${name}:${to}/taken`)
    await refuse(`${name}:${to}/secret`, join(to, 'given'))
    await refuse(`one:${to}/secret`, `${name}:${to}/passed`)
    t.strictSame(readdirSync(to), ['secret'])
  })
}

t.test('own: hosts that know only the standard’s rename, or write no file there', async (t) => {
  const to = here(t)
  // As other servers than OpenSSH's: without its extensions.
  const plain = await startSshMachine(store, 'plain', { sftpDir: `${to} -P posix-rename` })
  t.teardown(() => plain.sshd.stop())
  const names = ['first', 'x'.repeat(255), 'ü'.repeat(127)]
  for (const name of names) {
    writeFileSync(join(to, 'source'), name)
    for (let count = 0; count < 2; count++) t.equal(await copy('own', join(to, 'source'), `plain:${name}`), 0)
    t.equal(readFileSync(join(to, name), 'utf8'), name)
  }
  t.strictSame(readdirSync(to).sort(), [...names, 'source'].sort())
  await fails(t, 'own', join(to, 'source'), 'plain:/proc/made', /^plain:\/proc\/made: /)
})

t.test('without a machine files are copied here', async (t) => {
  const dir = here(t)
  writeFileSync(join(dir, 'a:b'), 'text')
  for (const client of CLIENTS) {
    t.equal(await copy(client, `localhost:${dir}/a:b`, join(dir, client)), 0)
    t.equal(readFileSync(join(dir, client), 'utf8'), 'text')
  }
})
