/** Where the password for sudo comes from, and how often it is asked for. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Secret } from '../../../src/contracts/secrets.js'
import { rootedFacts, type RootedFacts } from '../../../src/machine/host-facts.js'
import type { OpenMachine } from '../../../src/machine/open.js'
import { scratchDir } from '../../helpers/driver-deps.js'
import { askingSudo, userHost } from '../../helpers/sudo-host.js'
import { machineContext } from '../../helpers/machine-context.js'
import { failureOf } from '../../helpers/provision-input.js'

interface Case {
  readonly env?: Readonly<Record<string, string>>
  /** What the user types, one after the other. */
  readonly typed?: readonly string[]
}

/** Looks at a host whose sudo wants `right`. */
function look(t: Test, { env = {}, typed }: Case): { facts: Promise<RootedFacts>; told: () => unknown } {
  const on = userHost(t)
  on.fake('sudo', askingSudo('right'))
  const questions: string[] = []
  const answers = [...(typed ?? [])]
  const ctx = machineContext({
    dir: scratchDir(t),
    env,
    askSecret(question) {
      questions.push(question)
      const answer = answers.shift()
      return Promise.resolve(answer === undefined ? undefined : new Secret(answer))
    },
  })
  const open = { name: 'web' } as OpenMachine
  const facts = rootedFacts(ctx, open, on.shell, new AbortController().signal)
  return {
    facts,
    told: () => ({ questions: questions.length, warnings: ctx.events.length, question: questions[0] }),
  }
}

t.test('it is asked for on a terminal, three times at most', async (t) => {
  const second = look(t, { typed: ['wrong', 'right'] })
  t.match(await second.facts, { facts: { sudo: 'given' } })
  t.match(second.told(), { questions: 2, warnings: 1, question: 'Password of admin for sudo on web: ' })
  const never = look(t, { typed: ['a', 'b', 'c', 'right'] })
  t.match(await failureOf(never.facts), { message: /does not accept the password \(3 tries\)/ })
  t.match(never.told(), { questions: 3 })
})

t.test('with nobody to ask the facts say that it is missing', async (t) => {
  t.match(await look(t, {}).facts, { facts: { sudo: 'password' } })
})

t.test('the environment has it or says where it is, and is believed once', async (t) => {
  const given = look(t, { env: { TSMACHINE_SUDO_PASSWORD: 'right' }, typed: ['x'] })
  t.match(await given.facts, { facts: { sudo: 'given' } })
  t.match(given.told(), { questions: 0 })
  const file = join(scratchDir(t), 'password')
  writeFileSync(file, 'right\n')
  const referred = look(t, { env: { TSMACHINE_SUDO_PASSWORD_REF: `file:${file}` } })
  t.match(await referred.facts, { facts: { sudo: 'given' } })
  const wrong = look(t, { env: { TSMACHINE_SUDO_PASSWORD: 'wrong' }, typed: ['right'] })
  t.match(await failureOf(wrong.facts), {
    code: 'provision',
    message: /does not accept the password$/,
    hints: [/TSMACHINE_SUDO_PASSWORD/],
  })
  t.match(wrong.told(), { questions: 0 })
})
