/** What we write into user data, as cloud-init and our image's own scripts read it: each text as it was meant. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { ownPart } from '../../src/machine/own-user-data.js'
import { seedDocuments } from '../../src/machine/seed.js'
import { openCloudInit } from '../helpers/cloud-init.js'
import { forAll, hostileText, refusedOr, SEED } from '../helpers/properties.js'
import { size } from '../sizes.js'

const merge = await openCloudInit()
const LIB = join(import.meta.dirname, '../../image-build/guest/lib')
const HOST_KEY = { privatePem: '-----BEGIN PEM-----\nours\n', publicLine: 'ssh-ed25519 AAAAhost' }
const OWN = '#cloud-config\npackages: [htop]\n'

/** Texts that a file can hold: no NUL, which no shell can, and no half of a pair, which UTF-8 cannot. */
const texts = fc
  .sample(
    hostileText('\u0085', '\u2028', '\ufeff', '\uffff', '\ufffe', '\n#', "'\n", 'EOF\n', '--=_tsmachine_'),
    {
      seed: SEED,
      numRuns: Math.min(2_000, size('propertyRuns')),
    },
  )
  .map((text) => text.replace(/\0|\p{Surrogate}/gu, ''))
const comments = texts.map((text) => `ssh-ed25519 AAAAclient ${text.replace(/\s+/g, ' ').slice(0, 500)}`)

function documents(own?: string): string {
  return seedDocuments({
    name: 'web',
    instanceId: 'f'.repeat(32),
    user: 'docker',
    authorizedKeys: comments,
    hostKey: HOST_KEY,
    files: texts.map((content, index) => ({ path: `/f${index}`, mode: '600', content })),
    ...(own === undefined ? {} : { own: ownPart(Buffer.from(own), 'the test') }),
  }).userData
}

interface Read {
  readonly users: readonly { readonly ssh_authorized_keys: readonly string[] }[]
  readonly write_files: readonly { readonly content: string }[]
}

t.test('cloud-init', async (t) => {
  for (const own of [undefined, OWN]) {
    const { config, faults } = merge(documents(own))
    t.strictSame(faults, [])
    const { users, write_files: files } = config as unknown as Read
    t.equal(differing(users.at(-1)?.ssh_authorized_keys ?? [], comments), '')
    t.equal(
      differing(
        files.map(({ content }) => content),
        texts,
      ),
      '',
    )
  }
})

t.test("our image's shell", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'tsm-nocloud-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const env = {
    ...process.env,
    TSMACHINE_LIB: LIB,
    TSMACHINE_RUN: dir,
    TSMACHINE_LOG: dir,
    TSMACHINE_CONSOLE: '/dev/null',
  }
  writeFileSync(join(dir, 'user-data'), documents())
  const shell = (...words: string[]): Buffer =>
    execFileSync('busybox', ['sh', ...words], { env, maxBuffer: 1 << 30 })
  writeFileSync(join(dir, 'steps'), shell(join(LIB, 'nocloud'), 'steps', join(dir, 'user-data')))
  const others = [
    'hostname',
    'user',
    'hostkey',
    'format',
    'instance',
    'mount',
    'command',
    'shell',
    'script',
    'rootlogin',
    'unknown',
  ]
  const functions = [
    ...others.map((kind) => `step_${kind}() { :; }`),
    `step_key() { printf '%s\\0' "K$2"; }`,
    `step_file() { printf '%s\\0' "F$6"; }`,
  ]
  const words = shell('-c', `${functions.join('\n')}\n. ${join(dir, 'steps')}`)
    .toString()
    .split('\0')
    .slice(0, -1)
  const of = (letter: string): string[] =>
    words.filter((word) => word.startsWith(letter)).map((word) => word.slice(1))
  t.equal(differing(of('K'), comments), '')
  t.equal(differing(of('F'), texts), '')
})

/** The first text that is not what was written. */
function differing(read: readonly string[], written: readonly string[]): string {
  const at = written.findIndex((text, index) => text !== read[index])
  if (at < 0 && read.length === written.length) return ''
  return JSON.stringify([at, read.length, read[at]?.slice(0, 200), written[at]?.slice(0, 200)])
}

t.test('the own user data of a user: taken whole, or refused', async (t) => {
  await forAll(
    t,
    'ownPart',
    hostileText('#cloud-config\n', '#!/bin/sh\n', 'MIME-Version: 1.0\n', '\u001f\u008b'),
    (text) => {
      const part = refusedOr(() => ownPart(Buffer.from(text), 'the test'))
      if (part === undefined) return
      return 'document' in part ? text.trimStart() === part.document : part.content.equals(Buffer.from(text))
    },
  )
})
