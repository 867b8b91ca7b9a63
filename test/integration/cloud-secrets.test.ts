/** A token goes to the provider and into the secret backend, and nowhere else, whatever happens to the machine. */
import { join } from 'node:path'
import t from 'tap'
import { poll } from '../helpers/poll.js'
import { CANARY, holdsCanary, Watched } from '../helpers/watched-user.js'

t.setTimeout(240_000)

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
