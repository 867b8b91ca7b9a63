import t from 'tap'
import { createFailure } from '../../../src/cli/create-failure.js'
import { MachineError } from '../../../src/contracts/errors.js'
import { type ReportEvent, STAGES } from '../../../src/contracts/events.js'
import { installStory } from '../../../src/machine/install-story.js'
import { createReporter } from '../../../src/ui/reporter.js'
import { dockerMachineStory } from '../../../src/ui/docker-machine-story.js'
import { debianFacts } from '../../helpers/provision-input.js'

function sink() {
  return {
    text: '',
    write(text: string) {
      this.text += text
    },
  }
}

/** What a verb's events become on both streams. */
function tell(verb: string, events: readonly ReportEvent[]): { out: string; err: string } {
  const [stream, debugStream] = [sink(), sink()]
  const reporter = createReporter({
    mode: 'plain',
    stream,
    debug: false,
    debugStream,
    story: dockerMachineStory(verb),
  })
  for (const event of events) reporter.report(event)
  reporter.close()
  return { out: stream.text, err: debugStream.text }
}

const stage = (name: string, state: 'start' | 'done' | 'failed' = 'start'): ReportEvent => ({
  type: 'stage',
  machine: 'web',
  stage: name,
  state,
  text: 'ours',
})
const done = (name: string): readonly ReportEvent[] => [stage(name), stage(name, 'done')]

const plan = { steps: [], engine: { source: 'host', port: 2376 }, warnings: [] } as const

t.test('create tells its stages in the lines that fleets search for', async (t) => {
  const facts = { ...debianFacts(), osRelease: { ID: 'ubuntu' } }
  const bundle = { ...plan, steps: [{ kind: 'bundle', version: '1', why: 'install' }] } as const
  const { out, err } = tell('create', [
    { type: 'info', text: 'Creating CA: /s/certs/ca.pem' },
    ...done('preflight'),
    stage('make'),
    { type: 'info', machine: 'web', source: 'driver', text: 'making the disk' },
    { type: 'warn', machine: 'web', source: 'driver', text: 'slow disk' },
    { type: 'progress', machine: 'web', text: 'half' },
    stage('make', 'done'),
    ...['boot', 'ssh', 'identity'].flatMap(done),
    stage('provision'),
    ...installStory('web', facts, bundle),
    ...['engine', 'swarm', 'tls'].flatMap(done),
    { type: 'info', text: 'run: tsmachine env web' },
  ])
  t.equal(err, '')
  t.strictSame(out.split('\n'), [
    'Creating CA: /s/certs/ca.pem',
    'Running pre-create checks...',
    'Creating machine...',
    '(web) making the disk',
    '(web) slow disk',
    'Waiting for machine to be running, this may take a few minutes...',
    'Detecting operating system of created instance...',
    'Waiting for SSH to be available...',
    'Detecting the provisioner...',
    'Provisioning with ubuntu(systemd)...',
    'Installing Docker...',
    'Copying certs to the local machine directory...',
    'Copying certs to the remote machine...',
    'Setting Docker configuration on the remote daemon...',
    'Configuring swarm...',
    'Checking connection to Docker...',
    'Docker is up and running!',
    'run: docker-machine env web',
    '',
  ])
})

t.test('an install script is one step, what comes after it is told when it is done', async (t) => {
  const texts = installStory('web', debianFacts(), { ...plan, again: true }).map(({ text }) => text)
  t.strictSame(texts, ['Provisioning with debian', 'Installing Docker'])
})

t.test('start says that the machine was started where docker-machine does, and once', async (t) => {
  const was: ReportEvent = { type: 'info', machine: 'web', text: 'Machine "web" was started.' }
  const events = [...['make', 'boot', 'engine', 'tls'].flatMap(done), was]
  t.equal(
    tell('start', events).out,
    'Machine "web" was started.\nWaiting for SSH to be available...\nDetecting the provisioner...\n',
  )
  t.equal(tell('stop', [was]).out, 'Machine "web" was started.\n')
  t.equal(tell('restart', events).out.includes('Waiting for SSH to be available...\nDetecting'), true)
})

t.test('provision does not say with what, and a failed stage leaves the word to the error', async (t) => {
  const events = [...done('ssh'), ...done('identity'), ...installStory('web', debianFacts(), plan)]
  t.match(
    tell('provision', [...events, stage('engine'), stage('engine', 'failed')]).out,
    /^Waiting for SSH to be available\.\.\.\nDetecting the provisioner\.\.\.\nCopying certs to the local[\s\S]*daemon\.\.\.\n$/,
  )
  t.equal(tell('upgrade', [stage('make')]).out, '(web) ours\n', 'a verb without lines of theirs tells ours')
})

t.test('what a forced rm could not do goes to stderr', async (t) => {
  t.same(tell('rm', [{ type: 'error', machine: 'web', text: 'Error removing host "web": no' }]), {
    out: '',
    err: 'Error removing host "web": no\n',
  })
})

t.test("a create that failed says so in docker-machine's words, whatever stage it was", async (t) => {
  const failed = (at: string) => createFailure(new MachineError('ssh', 'no', { stage: at, hints: ['x'] }))
  const texts = STAGES.filter((name) => name !== 'preflight').map((name) => (failed(name) as Error).message)
  for (const text of texts) t.match(text, /^Error creating machine: Error [\w ]+: no$/)
  t.match(failed('make'), { message: /: Error in driver during machine creation: no$/, hints: ['x'] })
  t.match(failed('preflight'), { message: 'no' })
  const stopped = new MachineError('cancelled', 'Interrupted', { stage: 'boot' })
  t.equal(createFailure(stopped), stopped)
})
