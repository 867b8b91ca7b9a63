import t from 'tap'
import { DOCKER_MACHINE_PROFILE, TSMACHINE_PROFILE } from '../../../src/contracts/profile.js'
import { compileFormat, goDuration } from '../../../src/ui/machine-format.js'
import { renderList, type ShownMachine } from '../../../src/ui/machine-list.js'

const web: ShownMachine = {
  name: 'web',
  active: true,
  activeSwarm: false,
  driver: 'qemu',
  state: 'Running',
  url: 'tcp://127.0.0.1:40001',
  swarm: '',
  engine: 'v26.1.5',
  error: '',
  responseMs: 53,
  engineOptions: {
    ArbitraryFlags: ['log-driver=none'],
    Dns: null,
    Labels: ['app=web', 'Tier=One'],
    TlsVerify: true,
  },
  swarmOptions: { Host: 'tcp://0.0.0.0:3376', Master: false, Env: null },
}
const queen = { ...web, name: 'queen', active: false, activeSwarm: true, swarm: 'queen (master)' }
const broken: ShownMachine = {
  ...web,
  name: 'broken',
  active: false,
  driver: 'not found',
  state: 'Error',
  url: '',
  engine: '',
  error: 'no\nrecord',
  responseMs: 0,
}

t.test("the table of machines has docker-machine's columns under its name", async (t) => {
  t.equal(
    renderList([web], DOCKER_MACHINE_PROFILE),
    'NAME   ACTIVE   DRIVER   STATE     URL                     SWARM   DOCKER    ERRORS\n' +
      'web    *        qemu     Running   tcp://127.0.0.1:40001           v26.1.5   \n',
  )
  t.equal(
    renderList([broken, queen], DOCKER_MACHINE_PROFILE),
    'NAME     ACTIVE      DRIVER      STATE     URL                     SWARM            DOCKER    ERRORS\n' +
      'broken               not found   Error                                                        no record\n' +
      'queen    * (swarm)   qemu        Running   tcp://127.0.0.1:40001   queen (master)   v26.1.5   \n',
  )
})

t.test('as tsmachine columns that are empty for all are left out', async (t) => {
  t.equal(
    renderList([web], TSMACHINE_PROFILE).split('\n')[0],
    'NAME   ACTIVE   DRIVER   STATE     URL                     DOCKER    ERRORS',
  )
  t.match(renderList([web, queen], TSMACHINE_PROFILE), /URL +SWARM +DOCKER +ERRORS\n/)
})

t.test('a machine that did not answer shows its name and Timeout alone', async (t) => {
  const row = { ...web, active: false, state: 'Timeout', url: '', engine: '' }
  t.match(renderList([row], DOCKER_MACHINE_PROFILE).split('\n')[1], /^web +Timeout +$/)
})

t.test('a machine that has not answered yet shows what its record says', async (t) => {
  const row = { ...web, active: false, state: '', url: '', engine: '', pending: true }
  t.match(renderList([row], TSMACHINE_PROFILE).split('\n')[1], /^web +qemu +\.\.\. +$/)
})

t.test('certificates that end soon have a column as tsmachine only', async (t) => {
  const rows = [
    web,
    { ...web, certificateDays: 12 },
    { ...web, certificateDays: -1 },
    { ...web, certificateDays: 1 },
  ]
  const table = renderList(rows, TSMACHINE_PROFILE)
  t.match(table, /DOCKER +CERT +ERRORS\n/)
  t.match(table, /v26\.1\.5 +12 days +\n.*v26\.1\.5 +expired +\n.*v26\.1\.5 +1 day +\n/)
  t.notMatch(renderList(rows, DOCKER_MACHINE_PROFILE), /CERT|days/)
  t.notMatch(renderList([web], TSMACHINE_PROFILE), /CERT/)
})

const print = (format: string, ...rows: ShownMachine[]): string => compileFormat(format)(rows)

t.test("formats have docker-machine's fields, in any case", async (t) => {
  t.equal(print('{{.Name}} {{.url}} {{.RESPONSETIME}}', web), 'web tcp://127.0.0.1:40001 53ms\n')
  t.equal(
    print('{{.Active}}|{{.ActiveHost}}|{{.ActiveSwarm}}|{{.Swarm}}', queen),
    '* (swarm)|false|true|queen (master)\n',
  )
  t.equal(print('{{.Error}}|{{.DockerVersion}}|{{.State.String}}', broken), 'no record||Error\n')
  t.equal(
    print('{{.EngineOptions}}', web),
    '{[log-driver=none] []  [] false [] [app=web Tier=One]   false true [] }\n',
    'as Go prints the struct',
  )
  t.equal(print('{{.SwarmOptions}}', web), '{false   false false tcp://0.0.0.0:3376   0 0 [] [] [] false}\n')
  t.equal(
    print('{{index .EngineOptions.Labels 1}} {{json .SwarmOptions.Host}}', web),
    'Tier=One "tcp://0.0.0.0:3376"\n',
  )
  t.equal(
    print('{{.Name}} {{.EngineOptions.Labels}}', { ...broken, engineOptions: {} }),
    'broken []\n',
    'never a fault',
  )
  t.throws(() => print('{{.Bogus}}', web), { code: 'usage', message: /1:3: .*there are Name, Active/ })
  t.throws(() => print('{{.Name'), { code: 'usage' }, 'also without any machine')
})

t.test('table adds a header, and columns are separated by tabs', async (t) => {
  t.equal(print('table {{.Name}}\\t{{.State}}', web), 'NAME   STATE\nweb    Running\n')
  t.equal(print('table{{.Name}}: {{.DriverName}}', web), 'NAME: DRIVER\nweb: qemu\n')
  t.equal(print('table {{.Name}}'), 'NAME\n')
  t.equal(
    print('table {{.Name}}\\t{{.DockerVersion}}\\n{{.URL}}', web),
    'NAME   DOCKER\nURL\nweb    v26.1.5\ntcp://127.0.0.1:40001\n',
  )
  t.equal(
    print('table {{.Name}}\\t{{range .EngineOptions.Labels}}{{.}} {{end}}\\t{{.SwarmOptions.Host}}', web),
    'NAME   LABELS             HOST\nweb    app=web Tier=One   tcp://0.0.0.0:3376\n',
    'where the header is no template of its own',
  )
  t.equal(print('{{.Name}}\\t{{.State}}\\n', web), 'web\tRunning\n\n', 'elsewhere they are printed')
})

t.test('durations are written as in Go', async (t) => {
  t.same([0, 7, 999, 1000, 3071, 60_000, 61_500, 3_600_000].map(goDuration), [
    '0s',
    '7ms',
    '999ms',
    '1s',
    '3.071s',
    '1m0s',
    '1m1.5s',
    '1h0m0s',
  ])
})
