import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { dropOtherKeys } from '../../../src/machine/authorized-keys.js'
import { LocalShell } from '../../doubles/local-shell.js'
import { ALL_TOOLS, fakeHost } from '../../helpers/fake-host.js'

const NEVER = new AbortController().signal
const MINE = 'ssh-ed25519 AAAAnew web'
const KEYS = `ssh-rsa AAAA somebody@else\n\nssh-ed25519 AAAAold web\n${MINE}\n`

/** A home whose keys are these. */
function home(t: Test, tools: (typeof ALL_TOOLS)[number], awk?: string): { shell: LocalShell; keys: string } {
  const host = fakeHost(tools)
  if (awk !== undefined) host.fake('awk', awk)
  t.teardown(() => host.remove())
  const dir = t.testdir()
  const keys = join(dir, '.ssh', 'authorized_keys')
  mkdirSync(join(dir, '.ssh'))
  writeFileSync(keys, KEYS, { mode: 0o640 })
  return { shell: new LocalShell({ ...host.shell.env, HOME: dir }, host.shell.program), keys }
}

for (const tools of ALL_TOOLS) {
  t.test(`${tools}: keys that a store made before go, the user’s own and the mode stay`, async (t) => {
    const { shell, keys } = home(t, tools)
    await dropOtherKeys(shell, MINE, 'web', NEVER)
    t.equal(readFileSync(keys, 'utf8'), `ssh-rsa AAAA somebody@else\n\n${MINE}\n`)
    t.equal(statSync(keys).mode & 0o777, 0o640)
  })

  t.test(`${tools}: without room for the new list the old one stays, and lets everybody in`, async (t) => {
    const { shell, keys } = home(t, tools)
    symlinkSync('/dev/full', `${keys}.new`)
    await t.rejects(dropOtherKeys(shell, MINE, 'web', NEVER), { code: 'ssh' })
    t.equal(readFileSync(keys, 'utf8'), KEYS)
  })
}

t.test('where the list cannot be read through, it is left as it was', async (t) => {
  const { shell, keys } = home(t, 'dash', 'exit 1')
  await t.rejects(dropOtherKeys(shell, MINE, 'web', NEVER), { code: 'ssh' })
  t.equal(readFileSync(keys, 'utf8'), KEYS)
  t.notOk(existsSync(`${keys}.new`))
})
