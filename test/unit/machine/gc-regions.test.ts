import { join } from 'node:path'
import t from 'tap'
import { surveyLeftovers, sweep, YOUNGEST_MS } from '../../../src/machine/gc.js'
import { namesCredentials } from '../../../src/util/aws-environment.js'
import { CREDENTIAL } from '../../doubles/ec2/index.js'
import { Ec2Trial } from '../../helpers/ec2-trial.js'
import { machineContext } from '../../helpers/machine-context.js'

const KEYS = `aws_access_key_id = ${CREDENTIAL.accessKeyId}\naws_secret_access_key = ${CREDENTIAL.secretAccessKey}\n`

t.test('plain gc asks where the default profile leads to, in all regions of the account', async (t) => {
  const trial = await Ec2Trial.start(t, { 'amazonec2-region': 'eu-west-1' })
  await trial.create()
  const dir = t.testdir({ credentials: `[default]\n${KEYS}` })
  const files = {
    AWS_SHARED_CREDENTIALS_FILE: join(dir, 'credentials'),
    AWS_CONFIG_FILE: join(dir, 'config'),
    AWS_EC2_METADATA_DISABLED: 'true',
  }
  const before = { ...process.env }
  Object.assign(process.env, files)
  t.teardown(() => (process.env = before))
  const ctx = machineContext({ dir, env: { ...files, AWS_ENDPOINT_URL: trial.double.url } })
  const scope = { allStores: true, olderThanMs: YOUNGEST_MS }
  const survey = await surveyLeftovers(ctx, { ...scope, ids: [] })
  t.match(survey, { errors: [], leftovers: [], closed: [] })
  t.ok(survey.places.length > 3)
  t.ok(['amazonec2 us-east-1', 'amazonec2 eu-west-1'].every((place) => survey.places.includes(place)))
  t.ok(survey.kept.some(({ thing, why }) => thing.found.state !== undefined && why === 'young'))
  const named = await surveyLeftovers(ctx, { ...scope, ids: [trial.machine().name] })
  t.match(named.leftovers, [
    { at: { place: 'amazonec2 eu-west-1' }, found: { resource: { kind: 'server' } } },
  ])
  t.match(await sweep(ctx, named), { errors: [] })
  t.notOk(trial.double.inventory().some((line) => line.includes('instance')))
})

t.test('credentials that the user has named', async (t) => {
  const HOME = t.testdir({
    '.aws': { config: '[profile ci]\nrole_arn = x\n[default]\nregion = eu-west-1\n' },
  })
  t.notOk(namesCredentials('', { HOME }), 'of another profile')
  t.notOk(namesCredentials('', {}))
  t.ok(namesCredentials('ci', { HOME }))
  t.ok(namesCredentials('', { AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://169.254.170.23/v1' }))
  const sso = t.testdir({ config: '[default]\nsso_session = corp\n' })
  t.ok(namesCredentials('', { AWS_CONFIG_FILE: join(sso, 'config') }))
})
