import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { installHostKey, nextHostKey } from '../../../provision/host-key.js'
import { ALL_TOOLS, fakeHost } from '../../helpers/fake-host.js'

for (const tools of ALL_TOOLS)
  t.test(`${tools}: an sshd that is just being restarted is told of its key once it is back`, async (t) => {
    const on = fakeHost(tools)
    t.teardown(() => on.remove())
    mkdirSync(join(on.root, 'run/systemd/system'), { recursive: true })
    const key = join(on.root, 'etc/ssh/ssh_host_ed25519_key')
    mkdirSync(join(on.root, 'etc/ssh'))
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', key])
    on.shell.hostKey = on.read('etc/ssh/ssh_host_ed25519_key.pub').trim()
    // Three questions in each attempt: neither service nor a socket is there in the first two.
    on.fake('systemctl', `[ "$(grep -c is-active "$(dirname "$0")/../calls")" -gt 6 ]`)
    const next = await nextHostKey(on.shell, undefined, on.root)
    t.equal(await installHostKey(on.shell, undefined, on.root), next)
    t.equal(on.calls().at(-1), 'systemctl reload ssh.service')
    t.equal(on.calls().filter((call) => call.includes('is-active ssh.service')).length, 3)
  })
