import t from 'tap'
import type { Facts } from '../../../src/contracts/provision.js'
import { plan } from '../../../provision/plan.js'
import { renderPlan } from '../../../provision/render-plan.js'
import {
  content,
  daemon,
  DEBIAN_ENGINE,
  debianFacts,
  failure,
  imageFacts,
  wanted,
} from '../../helpers/provision-input.js'

t.test(
  'an install script runs only when it was asked for, and the host is looked at again afterwards',
  async (t) => {
    const asked = plan(debianFacts(), wanted({}, { installUrl: 'https://example.org/in stall;$(x).sh' }))
    t.same(
      asked.steps.map((step) => (step.kind === 'run' ? step.argv : [])),
      [
        ['sh', '@lib/package-lock.sh', '600'],
        ['sh', '@lib/install-url.sh', 'https://example.org/in stall;$(x).sh'],
      ],
    )
    t.equal(asked.again, true)
    t.equal(
      plan(debianFacts(), wanted({}, { installUrl: 'https://get.docker.com' })).engine.source,
      'bundled',
    )
  },
)

t.test('choices of create reach the engine in the right types', async (t) => {
  const made = plan(
    imageFacts(),
    wanted(
      {},
      {
        opts: [
          'debug',
          'icc=false',
          'mtu=1400',
          'log-opt=max-size=1m',
          'dns=1.1.1.1',
          'dns=8.8.8.8',
          'bip=10.9.0.1/24',
          'data-root=/srv/d',
          'default-ulimit=nofile=10:20',
          'feature=containerd-snapshotter=true',
          'default-address-pool=base=10.0.0.0/16,size=24',
          'storage-opt=overlay2.size=1G',
          '--http-proxy=http://u:p@proxy:1',
        ],
        labels: ['with blank=a "b" $HOME `id`'],
        insecureRegistries: ['reg:5000'],
        registryMirrors: ['https://mirror'],
        storageDriver: 'overlay2',
        env: ['FOO=a$HOME"q `x` \\ end', 'EMPTY='],
        registryCas: { 'reg.example:5000': 'REG CA\n', '[::1]:5000': 'CA6\n' },
      },
    ),
  )
  t.match(daemon(made), {
    debug: true,
    icc: false,
    mtu: 1400,
    'log-opts': { 'max-size': '1m' },
    dns: ['1.1.1.1', '8.8.8.8'],
    bip: '10.9.0.1/24',
    'data-root': '/srv/d',
    'default-ulimits': { nofile: { Name: 'nofile', Soft: 10, Hard: 20 } },
    features: { 'containerd-snapshotter': true },
    'default-address-pools': [{ base: '10.0.0.0/16', size: 24 }],
    'storage-opts': ['overlay2.size=1G'],
    proxies: { 'http-proxy': 'http://u:p@proxy:1' },
    labels: ['with blank=a "b" $HOME `id`', 'provider=generic'],
    'insecure-registries': ['reg:5000'],
    'registry-mirrors': ['https://mirror'],
    'storage-driver': 'overlay2',
  })
  t.equal(
    content(made, '/etc/docker/engine.env'),
    'FOO=a$HOME"q `x` \\ end\nEMPTY=\n',
    'our image takes lines as they are',
  )
  t.equal(content(made, '/etc/docker/certs.d/reg.example:5000/ca.crt'), 'REG CA\n')
  const systemd = plan(debianFacts(), wanted({}, { env: ['FOO=a$HOME"q `x` \\ end'] }))
  t.equal(
    content(systemd, '/etc/docker/engine.env'),
    'FOO="a\\$HOME\\"q \\`x\\` \\\\ end"\n',
    'systemd takes quoted ones',
  )
})

t.test('of two labels with one key on the host ours counts', async (t) => {
  const daemonJson = '{"labels":["own=1","provider=generic","note=old"]}'
  const made = plan({ ...debianFacts(), daemonJson }, wanted({}, { labels: ['note=new'] }))
  t.same(daemon(made)['labels'], ['own=1', 'note=new', 'provider=generic'])
})

t.test('choices that make no sense are refused by name', async (t) => {
  const refusals: [Partial<Parameters<typeof wanted>[1]>, RegExp][] = [
    [{ opts: ['host=tcp://1.2.3.4'] }, /--engine-opt host=.*tsmachine sets "host" itself/],
    [{ opts: ['tlscert=/x'] }, /"tlscert" itself/],
    [{ opts: ['mtu=big'] }, /"big" is not a whole number/],
    [{ opts: ['icc=perhaps'] }, /neither true nor false/],
    [{ opts: ['dns'] }, /"dns" needs a value/],
    [{ opts: ['log-opt=max'] }, /NAME=VALUE/],
    [{ opts: ['a b=c'] }, /KEY=VALUE/],
    [{ env: ['1X=y'] }, /--engine-env 1X/],
    [{ env: ['X=a\nb'] }, /--engine-env X/],
    [{ registryCas: { '../../etc': 'x' } }, /not a registry/],
    [{ registryCas: { 'a/b': 'x' } }, /not a registry/],
  ]
  for (const [choice, text] of refusals)
    t.match(
      failure(() => plan(imageFacts(), wanted({}, choice))),
      { code: 'usage', message: text },
    )
  t.match(
    failure(() => plan(imageFacts(), wanted({}, { env: ['SECRET VALUE=x'] }))).message,
    /^--engine-env SECRET VALUE:/,
    'the value is not repeated',
  )
})

t.test('a host that cannot become a machine is told why, before anything is sent', async (t) => {
  const refusals: [Partial<Facts>, RegExp, RegExp][] = [
    [{ sudo: 'password' }, /asks admin for a password/, /TSMACHINE_SUDO_PASSWORD/],
    [{ sudo: 'none' }, /cannot become root/, /root/],
    [{ init: 'unknown', osRelease: { PRETTY_NAME: 'Void' } }, /Void.*\(unknown\)/, /systemd or OpenRC/],
    [
      { engine: { ...DEBIAN_ENGINE, service: undefined, path: '/snap/bin/dockerd' } },
      /\/snap\/bin\/dockerd.*not run by docker.service/,
      /docker.service/,
    ],
  ]
  for (const [facts, message, hint] of refusals) {
    const error = failure(() => plan(debianFacts(facts), wanted()))
    t.match(error.message, message)
    t.match(error.hints[0] ?? '', hint)
  }
  const { bundleVersion: _none, ...without } = wanted()
  t.match(
    failure(() => plan(debianFacts(), without)),
    { message: /no engine bundle here/, hints: ['tsmachine image build engine', /docker/] },
  )
})

t.test('things worth knowing of a host are warnings', async (t) => {
  const facts = debianFacts({ clockSkewS: -400, cloudInit: 'running', cgroup: 1 })
  t.match(plan(facts, wanted()).warnings, [/400 s behind/, /cloud-init/, /version 1/])
  t.same(plan(debianFacts(), wanted()).warnings, [])
})

t.test('a printed plan says what will happen and shows no secret', async (t) => {
  const made = plan(
    debianFacts({ clockSkewS: 100 }),
    wanted({}, { env: ['HTTP_PROXY=http://u:pw@p'], opts: ['https-proxy=http://u:hidden@p'] }),
  )
  const text = renderPlan(made)
  t.match(text, /^warning: The host's clock is 100 s ahead/)
  t.match(text, /1\. install the engine 26\.1\.5-9e58d154/)
  t.match(text, /write \/etc\/docker\/server-key\.pem \(mode 600\)\n\s+\(secret\)/)
  for (const secret of ['SECRET KEY', 'u:pw', 'hidden']) t.notMatch(text, secret)
  t.match(renderPlan({ ...made, steps: [], warnings: [] }), /Nothing to do/)
})
