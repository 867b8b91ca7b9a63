/**
 * What goes wrong inside a guest that runs, on one VM of our image that boots once: each fault is told with what the guest
 * says of it, and what can be repaired is.
 */
import t, { type Test } from 'tap'
import { importBusybox } from '../helpers/busybox-image.js'
import { type Outcome, TestUser } from '../helpers/cli.js'
import { poll } from '../helpers/poll.js'

t.setTimeout(3_000_000)
const NAME = 'guest'
const YEARS_S = 3 * 365 * 86_400
const user = new TestUser()
t.teardown(() => user.cleanUp())

const run = async (...words: readonly string[]): Promise<Outcome> =>
  await user.tsmachine(words, { limitMs: 900_000 })

/** As root in the guest. */
async function inGuest(script: string): Promise<string> {
  return (await user.ok(['ssh', NAME, '--', `sudo sh -c '${script}'`])).trim()
}

async function repaired(t: Test): Promise<void> {
  const { code, stderr } = await run('provision', NAME)
  t.equal(code, 0, stderr)
  const { stdout } = await user.docker(NAME, ['image', 'ls', '-q', 'busybox'])
  t.not(stdout.trim(), '', 'the engine works, and has what it had')
}

/** What `ls` has to say of a machine whose engine cannot be asked, without failing. */
async function listed(): Promise<string> {
  return await user.ok(['ls', '--format', '{{.State}} {{.DockerVersion}} {{.Error}}'])
}

t.before(async () => {
  await user.ok(['create', '--qemu-memory', '768', '--qemu-disk-size', '1000', NAME])
  await importBusybox(user, NAME)
})

t.test('an engine or a containerd that is killed is back without us', async (t) => {
  for (const program of ['dockerd', 'containerd']) {
    const before = await inGuest(`pidof ${program}`)
    await inGuest(`kill -9 ${before}`)
    await poll(120_000, async () => {
      const now = await inGuest(`pidof ${program} || :`)
      return now !== '' && now !== before
    })
    const answers = async () => (await user.docker(NAME, ['version'])).code === 0
    await poll(120_000, answers, 200, () => program)
    t.match(await listed(), /^Running v\d/)
  }
})

t.test('a clock that is three years off is told with what it does, and set by provision', async (t) => {
  for (const sign of ['+', '-']) {
    await inGuest(`date -s @$(($(date +%s) ${sign} ${YEARS_S})); hwclock -w`)
    t.match(await listed(), /by its clock our client certificate has expired or is not valid yet/)
    const { code, stderr } = await run('provision', NAME)
    t.equal(code, 0, stderr)
    t.match(stderr, new RegExp(`clock is \\d{8} s ${sign === '+' ? 'ahead' : 'behind'}: it is set`))
    t.ok(Math.abs(Number(await inGuest('date +%s')) - Date.now() / 1000) < 60, 'the clock is right')
    t.match(await listed(), /^Running v\d/)
  }
})

t.test('settings that the engine refuses are told in its own words', async (t) => {
  await inGuest('cp /etc/docker/daemon.json /root/kept; echo "{\\"bogus-key\\": 1}" >/etc/docker/daemon.json')
  const { code, stderr } = await run('provision', NAME)
  t.equal(code, 1)
  t.match(stderr, /could not (re)?start the engine[^]*don't match any configuration option: bogus-key/)
  t.match(await listed(), /^Running Unknown .*Cannot reach the engine/)
  await inGuest('mv /root/kept /etc/docker/daemon.json')
  await repaired(t)
})
