/** A token goes to the provider and into the secret backend, and nowhere else, whatever happens to the machine. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { DigitalOceanDouble } from '../doubles/digitalocean/index.js'
import { type Outcome, TestUser } from '../helpers/cli.js'
import { poll } from '../helpers/poll.js'

const CANARY = 'dop_v1_canary+/=0123456789abcdef'
const FORMS = [CANARY, encodeURIComponent(CANARY), Buffer.from(CANARY).toString('base64')]
t.setTimeout(240_000)

/** A user of a double that knows the canary alone, and all that they have seen. */
class Watched {
  readonly outputs: string[] = []
  readonly commandLines = new Set<string>()

  constructor(
    readonly user: TestUser,
    readonly double: DigitalOceanDouble,
  ) {}

  static async begin(t: Test): Promise<Watched> {
    const double = await DigitalOceanDouble.start({ token: CANARY })
    t.teardown(() => double.close())
    const user = new TestUser()
    t.teardown(() => user.cleanUp())
    return new Watched(user, double)
  }

  /** Runs the program with `--debug` and notes what it prints and how its processes are called. */
  async run(
    args: readonly string[],
    options: { token?: string; stopWhen?: () => boolean } = {},
  ): Promise<Outcome> {
    const { token, stopWhen } = options
    const env = {
      DIGITALOCEAN_API_URL: this.double.url,
      ...(token === undefined ? {} : { DIGITALOCEAN_ACCESS_TOKEN: token }),
    }
    const outcome = await this.user.tsmachine(['--debug', ...args], {
      env,
      limitMs: 60_000,
      started: (child) =>
        void this.#watch(
          child.pid ?? 0,
          () => child.exitCode === null,
          () => child.kill('SIGTERM'),
          stopWhen,
        ),
    })
    this.outputs.push(outcome.stdout, outcome.stderr)
    return outcome
  }

  async #watch(pid: number, runs: () => boolean, stop: () => void, stopWhen?: () => boolean): Promise<void> {
    for (let told = false; runs(); await new Promise((resolve) => setTimeout(resolve, 50))) {
      this.#noteCommandLines(pid)
      if (!told && stopWhen?.()) {
        told = true
        stop()
      }
    }
  }

  /** The program's own and its children's. */
  #noteCommandLines(pid: number): void {
    try {
      this.commandLines.add(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
      for (const child of readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
        .split(' ')
        .filter(Boolean))
        this.#noteCommandLines(Number(child))
    } catch {
      // It has ended meanwhile.
    }
  }

  /** Files below the user's folder that hold the canary in any form. */
  leaks(): string[] {
    const files = readdirSync(this.user.home, { recursive: true, withFileTypes: true })
    return files
      .filter((file) => file.isFile())
      .map((file) => join(file.parentPath, file.name))
      .filter((path) => holdsCanary(readFileSync(path, 'latin1')))
  }
}

const holdsCanary = (text: string): boolean => FORMS.some((form) => text.includes(form))

t.test('a whole life with failures and --debug: the token is in the secret backend alone', async (t) => {
  const watched = await Watched.begin(t)
  const { user, double } = watched
  double.fail({
    kind: 'status',
    status: 422,
    operation: 'droplets_create',
    message: `no capacity for ${CANARY}`,
  })
  const failed = await watched.run(['create', '-d', 'digitalocean', 'broken'], { token: CANARY })
  t.match(failed, { code: 1, stderr: /no capacity for \[secret\]/ })
  double.fail({ kind: 'drop-after', operation: 'droplets_create' })
  const made = (): boolean => double.inventory().some((line) => line.startsWith('droplet web'))
  const stopWhen = (): boolean => made() && double.count('droplets_list') > 1
  // The servers of this double have no SSH: the create is stopped while it waits for it.
  const stopped = await watched.run(['create', '-d', 'digitalocean', 'web'], { token: CANARY, stopWhen })
  t.not(stopped.code, 0)
  t.ok(made(), 'there is a droplet')
  t.notOk(user.env['DIGITALOCEAN_ACCESS_TOKEN'], 'no later call is given the token')

  double.fail({ kind: 'status', status: 503, operation: 'droplets_list' })
  t.match(await watched.run(['ls']), { code: 0, stdout: /web .* digitalocean +Running/ })
  for (const args of [
    ['inspect', 'web'],
    ['inspect', 'web', '--json'],
    ['status', 'web'],
    ['access', 'web'],
    ['secret', 'ls'],
    ['doctor'],
  ])
    await watched.run(args)
  t.match(watched.outputs.join(''), /"AccessToken"|accessToken/, 'inspect shows that there is a token')
  for (const status of [401, 403, 500])
    double.fail({ kind: 'status', status, operation: 'droplets_list', message: `bad ${CANARY}` })
  await watched.run(['ls'])
  await watched.run(['stop', 'web'])
  await watched.run(['gc', '--dry-run'])
  const leaks = watched.leaks()
  t.ok(
    leaks.length > 0 && leaks.every((path) => path.startsWith(join(user.store, 'secrets'))),
    leaks.join(', '),
  )
  double.faults.clear()
  t.match(await watched.run(['rm', '-y', 'web', 'broken']), { code: 0 })
  await poll(5_000, async () => double.inventory().length === 0)

  t.notOk(holdsCanary(watched.outputs.join('\n')), 'no output')
  t.ok(watched.commandLines.size > 0)
  t.notOk(holdsCanary([...watched.commandLines].join('\n')), 'no command line')
  t.strictSame(double.violations, [])
})

t.test('a token that the provider does not know is named in no error', async (t) => {
  const watched = await Watched.begin(t)
  const outcome = await watched.run(['create', '-d', 'digitalocean', '--no-save-secret', 'web'], {
    token: `${CANARY}x`,
  })
  t.match(outcome, { code: 3, stderr: /Unable to authenticate you/ })
  t.notOk(holdsCanary(outcome.stdout + outcome.stderr))
  t.strictSame(watched.leaks(), [], 'and it was not kept')
})
