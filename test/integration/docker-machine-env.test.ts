/** The lines that docker-machine's own suite expects of `env`, in each of its shells, through a link of that name. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { mapBounded } from '../../src/util/bounded.js'
import { DockerMachineUser } from '../helpers/docker-machine.js'

/** Starts of the program at once. */
const AT_ONCE = 3
const KEYS = ['DOCKER_TLS_VERIFY', 'DOCKER_HOST', 'DOCKER_CERT_PATH', 'DOCKER_MACHINE_NAME'] as const
const ADDRESS = '192.0.2.7'

interface Shell {
  readonly set: (key: string, value: string) => string
  readonly unset: (key: string) => string
}

const SHELLS: Readonly<Record<string, Shell>> = {
  bash: { set: (key, value) => `export ${key}="${value}"`, unset: (key) => `unset ${key}` },
  powershell: {
    set: (key, value) => `$Env:${key} = "${value}"`,
    unset: (key) => `Remove-Item Env:\\\\${key}`,
  },
  cmd: { set: (key, value) => `SET ${key}=${value}`, unset: (key) => `SET ${key}=` },
  fish: { set: (key, value) => `set -gx ${key} "${value}";`, unset: (key) => `set -e ${key};` },
  emacs: { set: (key, value) => `(setenv "${key}" "${value}")`, unset: (key) => `(setenv "${key}" nil)` },
}

t.setTimeout(600_000)
const user = new DockerMachineUser()
t.teardown(() => rmSync(user.home, { recursive: true, force: true }))
await user.done(['create', '-d', 'none', '--url', `tcp://${ADDRESS}:2376`, 'shared'])

const VALUES: Readonly<Record<(typeof KEYS)[number], string>> = {
  DOCKER_TLS_VERIFY: '1',
  DOCKER_HOST: `tcp://${ADDRESS}:2376`,
  DOCKER_CERT_PATH: join(user.store, 'machines', 'shared'),
  DOCKER_MACHINE_NAME: 'shared',
}

interface Case {
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** The first lines; what follows is the hint. */
  readonly lines: readonly string[]
}

const CASES: readonly Case[] = Object.entries(SHELLS).flatMap(([name, shell]): Case[] => {
  const [set, unset] = [KEYS.map((key) => shell.set(key, VALUES[key])), KEYS.map(shell.unset)]
  const env = ['env', '--shell', name]
  const all = [
    { args: [...env, 'shared'], lines: set },
    { args: [...env, '--no-proxy', 'shared'], lines: [...set, shell.set('NO_PROXY', ADDRESS)] },
    { args: [...env, '-u'], lines: unset },
  ]
  if (name !== 'bash') return all
  return [
    ...all,
    {
      args: [...env, '--no-proxy', 'shared'],
      env: { NO_PROXY: 'localhost' },
      lines: [...set, shell.set('NO_PROXY', `localhost,${ADDRESS}`)],
    },
    { args: [...env, '-u', '--no-proxy'], lines: [...unset, shell.unset('NO_PROXY')] },
  ]
})

t.test('every shell is told the same, in its own words', async (t) => {
  await mapBounded(CASES, AT_ONCE, async ({ args, env, lines }) => {
    const { code, stdout, stderr } = await user.machine(args, env ? { env } : {})
    const what = `${args.join(' ')} ${JSON.stringify(env ?? {})}`
    t.strictSame({ code, stderr }, { code: 0, stderr: '' }, what)
    const all = stdout.trimEnd().split('\n')
    t.strictSame(all.slice(0, lines.length), lines, what)
    t.equal(all.length, lines.length + 2, `${what}: two lines of hint`)
  })
})

t.test('unset takes no machine', async (t) => {
  const stderr = /^Error: Expected no machine name when the -u flag is present$/m
  t.match(await user.machine(['env', '-u', 'shared']), { code: 1, stdout: '', stderr })
})
