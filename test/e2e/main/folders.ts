/** Shared folders, from containers: where they are, who owns what, and what may not be written. */
import { chmodSync, chownSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Web } from './web.js'

const ME = process.getuid?.() ?? 0
/** What the documentation says: numbers are kept where QEMU runs as root, else all belongs to its user. */
const ownerHere = (writer: number): number => (ME === 0 ? writer : ME)
const USERS = [0, 1000]

export function folders(web: Web): void {
  const { elsewhere, same, frozen } = web.folders

  t.test('a folder shared under another path works both ways from a container', async (t) => {
    writeFileSync(join(elsewhere, 'from-here'), 'written here\n')
    const script = 'cat /src/from-here; echo written there > /src/from-there'
    const said = await web.docker('run', '--rm', '-v', '/mnt/shared:/src', 'busybox', 'sh', '-c', script)
    t.equal(said, 'written here')
    t.equal(readFileSync(join(elsewhere, 'from-there'), 'utf8'), 'written there\n')
  })

  t.test('a folder shared under its own path: docker run -v "$PWD:/src" works in it', async (t) => {
    writeFileSync(join(same, 'source'), 'in the working directory\n')
    const script = 'cat /src/source; echo built > /src/result'
    const built = await web.shell(`docker run --rm -v "$PWD:/src" busybox sh -c '${script}'`, { cwd: same })
    t.match(built, { code: 0, stdout: 'in the working directory\n', stderr: '' })
    t.equal(readFileSync(join(same, 'result'), 'utf8'), 'built\n')
  })

  t.test('owners keep their numbers in both directions, as documented', async (t) => {
    chmodSync(same, 0o777)
    // One container for all: to start one costs seconds under emulation.
    await web.docker(
      'run',
      '-d',
      '--init',
      '--name',
      'owners',
      '-v',
      `${same}:/src`,
      'busybox',
      'sleep',
      '900',
    )
    const as = (uid: number, line: string) => web.shell(`docker exec -u ${uid}:${uid} owners ${line}`)
    for (const uid of USERS) {
      const made = await as(uid, `touch /src/made-by-${uid}`)
      t.equal(made.code, 0, made.stderr)
      t.equal(statSync(join(same, `made-by-${uid}`)).uid, ownerHere(uid), `written by ${uid} in a container`)
    }
    for (const uid of USERS.map(ownerHere)) {
      const path = join(same, `owned-by-${uid}`)
      writeFileSync(path, 'private\n', { mode: 0o600 })
      if (ME === 0) chownSync(path, uid, uid)
      const listed = await as(0, `ls -ln /src/owned-by-${uid}`)
      t.match(listed.stdout, new RegExp(`^-rw------- +1 ${uid} `), `owned by ${uid} here: ${listed.stderr}`)
      for (const reader of USERS) {
        const { code } = await as(reader, `cat /src/owned-by-${uid}`)
        t.equal(code === 0, reader === 0 || reader === uid, `${reader} reads a private file of ${uid}`)
      }
    }
    await web.docker('rm', '-f', 'owners')
  })

  t.test('a folder shared for reading refuses a write', async (t) => {
    writeFileSync(join(frozen, 'here'), 'read only\n')
    const script = 'cat /src/here; touch /src/there'
    const refused = await web.shell(`docker run --rm -v /mnt/frozen:/src busybox sh -c '${script}'`)
    t.not(refused.code, 0)
    t.equal(refused.stdout, 'read only\n')
    t.match(refused.stderr, 'Read-only file system')
    t.match(await web.guest('sudo touch /mnt/frozen/there'), { stderr: /Read-only file system/ })
    t.notOk(existsSync(join(frozen, 'there')))
  })
}
