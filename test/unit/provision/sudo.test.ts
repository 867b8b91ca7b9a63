/** Becoming root on a host where sudo asks for a password, or where only doas is. sudo itself is in test/e2e/hosts. */
import t from 'tap'
import { apply } from '../../../provision/apply.js'
import { collectFacts } from '../../../provision/facts.js'
import { plan } from '../../../provision/plan.js'
import { run } from '../../../provision/plans/steps.js'
import { withSudoPassword } from '../../../provision/sudo-password.js'
import type { Plan } from '../../../src/contracts/provision.js'
import { Secret } from '../../../src/contracts/secrets.js'
import { ALL_TOOLS } from '../../helpers/fake-host.js'
import { askingSudo, userHost } from '../../helpers/sudo-host.js'
import { failure, failureOf, wanted } from '../../helpers/provision-input.js'

const PASSWORD = `it's "$HOME" \\ ü %s`

const doing = (script: string): Plan => ({
  steps: [run(['sh', '-c', script], 'do it')],
  engine: { source: 'host', port: 2376 },
  warnings: [],
})

for (const tools of ALL_TOOLS)
  t.test(
    `${tools}: sudo gets the password on its stdin, the script and the plan come after it`,
    async (t) => {
      const on = userHost(t, tools)
      on.fake('sudo', askingSudo(PASSWORD))

      const shell = withSudoPassword(on.shell, new Secret(PASSWORD))
      const facts = await collectFacts(shell, undefined, on.root)
      t.match(facts, { sudo: 'given', clientAddress: '203.0.113.7' })
      await apply(shell, doing(`echo done >'${on.root}/done'`), { facts, root: on.root })
      t.equal(on.read('done'), 'done\n')
      t.equal(shell.roundTrips, 2)
      t.notMatch(on.calls().join('\n'), PASSWORD, 'not in an argument')
      const failed = await failureOf(apply(shell, doing('echo words >&2; exit 4'), { facts, root: on.root }))
      t.match(failed, { message: 'The host could not do it', evidence: 'words' })
    },
  )

t.test('a wrong password is one try on the host, and nothing else reaches sudo', async (t) => {
  const on = userHost(t)
  on.fake('sudo', askingSudo('right', { each: `echo "$word" >>'${on.root}/words'` }))
  t.match(await collectFacts(on.shell, undefined, on.root), { sudo: 'password', user: 'admin', uid: 1000 })
  const shell = withSudoPassword(on.shell, new Secret('wrong'))
  const error = await failureOf(collectFacts(shell, undefined, on.root))
  t.match(error, { message: 'sudo on the host does not accept the password', isWrongPassword: true })
  t.equal(on.read('words'), 'wrong\n')
})

t.test('a user whom sudo never lets in is told in its words', async (t) => {
  const on = userHost(t)
  const granted = '{ echo "admin is not in the sudoers file." >&2; exit 1; }'
  on.fake('sudo', askingSudo('right', { granted }))
  const shell = withSudoPassword(on.shell, new Secret('right'))
  const error = await failureOf(collectFacts(shell, undefined, on.root))
  t.match(error, { message: 'sudo on the host did not make us root', isWrongPassword: false })
  t.match(error.evidence, 'admin is not in the sudoers file.')
  t.notMatch(error.evidence, '@@')
})

t.test('doas does where there is no sudo', async (t) => {
  const on = userHost(t)
  on.fake('sudo', 'echo "sudo: I do not know you" >&2; exit 1')
  on.fake('doas', '[ "$1" = -n ] && shift && exec "$@"')
  const facts = await collectFacts(on.shell, undefined, on.root)
  t.equal(facts.sudo, 'doas')
  await apply(on.shell, doing(`echo done >'${on.root}/done'`), { facts, root: on.root })
  t.ok(on.has('done'))
})

t.test('without a password, sudo or doas the plan says what to do', async (t) => {
  const on = userHost(t)
  on.fake('sudo', 'echo "sudo: I do not know you" >&2; exit 1')
  on.fake('doas', 'echo "doas: Authorization required" >&2; exit 1')
  const none = await collectFacts(on.shell, undefined, on.root)
  t.equal(none.sudo, 'none')
  t.match(
    failure(() => plan(none, wanted())),
    { code: 'provision', message: /cannot become root/ },
  )
  const asks = failure(() => plan({ ...none, sudo: 'password' }, wanted()))
  t.match(asks.message, 'sudo on the host asks admin for a password')
  t.match(asks.hints, [/terminal.*TSMACHINE_SUDO_PASSWORD/, /NOPASSWD/])
})
