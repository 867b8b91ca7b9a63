import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { FlagValues, JsonObject } from '../../../../src/contracts/driver.js'
import { accountKey, keysOf } from '../../../../src/drivers/amazonec2/config.js'
import { factory } from '../../../../src/drivers/amazonec2/index.js'
import { collectFlagValues } from '../../../../src/drivers/common/flags.js'
import { profileRegion } from '../../../../src/util/aws-environment.js'

type Environment = Record<string, string>

function parse(given: FlagValues = {}, env: Environment = {}): ReturnType<typeof factory.parse> {
  return factory.parse(collectFlagValues(factory.flags, given, env).values)
}

function config(given: FlagValues = {}, env: Environment = {}): JsonObject {
  const parsed = parse({ 'amazonec2-region': 'us-east-1', ...given }, env)
  if (!parsed.ok) throw new Error(parsed.faults.join())
  return parsed.config
}

t.test("flags and variables are docker-machine's, GitLab's and CKI's", (t) => {
  const withVariable = {
    'access-key': 'AWS_ACCESS_KEY_ID',
    'secret-key': 'AWS_SECRET_ACCESS_KEY',
    'session-token': 'AWS_SESSION_TOKEN',
    ami: 'AWS_AMI',
    region: 'AWS_DEFAULT_REGION',
    'vpc-id': 'AWS_VPC_ID',
    zone: 'AWS_ZONE',
    'subnet-id': 'AWS_SUBNET_ID',
    'security-group-readonly': 'AWS_SECURITY_GROUP_READONLY',
    'security-group': 'AWS_SECURITY_GROUP',
    tags: 'AWS_TAGS',
    'instance-type': 'AWS_INSTANCE_TYPE',
    'device-name': 'AWS_DEVICE_NAME',
    'root-size': 'AWS_ROOT_SIZE',
    'volume-type': 'AWS_VOLUME_TYPE',
    'iam-instance-profile': 'AWS_INSTANCE_PROFILE',
    'ssh-port': 'AWS_SSH_PORT',
    'ssh-user': 'AWS_SSH_USER',
    'ssh-keypath': 'AWS_SSH_KEYPATH',
    'keypair-name': 'AWS_KEYPAIR_NAME',
    endpoint: 'AWS_ENDPOINT',
    'insecure-transport': 'AWS_INSECURE_TRANSPORT',
    userdata: 'AWS_USERDATA',
  }
  for (const [name, env] of Object.entries(withVariable))
    t.equal(factory.flags.find((flag) => flag.name === `amazonec2-${name}`)?.env, env, name)
  const plain =
    'open-port request-spot-instance spot-price block-duration-minutes private-address-only use-private-address ' +
    'monitoring use-ebs-optimized-instance retries metadata-token metadata-token-response-hop-limit volume-encrypted ' +
    'volume-kms-key use-fleet launch-template'
  for (const name of plain.split(' '))
    t.ok(
      factory.flags.some((flag) => flag.name === `amazonec2-${name}`),
      name,
    )
  t.strictSame(
    factory.flags.filter(({ secret }) => secret).map(({ key }) => key),
    ['accessKey', 'secretKey', 'sessionToken'],
  )
  t.end()
})

t.test('the region: flag, variables, profile, us-east-1', (t) => {
  const region = (given: FlagValues, env: Environment): unknown => {
    const parsed = parse(given, env)
    return parsed.ok ? parsed.config['region'] : parsed.faults
  }
  t.equal(region({ 'amazonec2-region': 'eu-west-1' }, { AWS_DEFAULT_REGION: 'eu-west-2' }), 'eu-west-1')
  t.equal(region({}, { AWS_DEFAULT_REGION: 'eu-west-2', AWS_REGION: 'eu-west-3' }), 'eu-west-2')
  t.equal(region({}, { AWS_REGION: 'eu-west-3' }), 'eu-west-3')
  t.match(region({ 'amazonec2-region': 'Europe' }, {}), [/Invalid region specified: "Europe"/])
  const dir = t.testdir()
  mkdirSync(join(dir, 'aws'))
  const file = join(dir, 'aws', 'config')
  writeFileSync(
    file,
    '[default]\nregion = eu-north-1\n\n[profile ci]\nsso_session = x\nregion=ap-south-1 # near\n[profile bare]\n',
  )
  const env = { AWS_CONFIG_FILE: file }
  t.equal(profileRegion('', env), 'eu-north-1')
  t.equal(profileRegion('ci', env), 'ap-south-1')
  t.equal(profileRegion('bare', env), '')
  t.equal(profileRegion('none', { AWS_CONFIG_FILE: join(dir, 'nowhere') }), '')
  t.end()
})

t.test("the endpoint: docker-machine's variable, then the SDK's; plain http to this computer only", (t) => {
  const env = { AWS_ENDPOINT_URL: 'https://all.example', AWS_ENDPOINT_URL_EC2: 'https://ec2.example/' }
  t.match(config({}, env), { endpoint: 'https://ec2.example' })
  t.match(config({}, { ...env, AWS_ENDPOINT: 'https://dm.example' }), { endpoint: 'https://dm.example' })
  t.match(config({ 'amazonec2-endpoint': '127.0.0.1:99', 'amazonec2-insecure-transport': true }), {
    endpoint: 'http://127.0.0.1:99',
  })
  t.match(parse({ 'amazonec2-endpoint': 'ec2.example', 'amazonec2-insecure-transport': true }), {
    faults: [/not encrypted/],
  })
  t.match(parse({ 'amazonec2-insecure-transport': true }), { faults: [/needs --amazonec2-endpoint/] })
  t.end()
})

t.test('defaults that work, zones as letters or whole, the user of the image', (t) => {
  t.match(config(), {
    instanceTypes: ['t3.micro'],
    volumeType: 'gp3',
    volumeEncrypted: true,
    zone: '',
    sshUser: 'admin',
  })
  t.match(config({ 'amazonec2-zone': 'c' }), { zone: 'us-east-1c' })
  t.match(config({ 'amazonec2-zone': 'us-east-1-bos-1a' }), { zone: 'us-east-1-bos-1a' })
  t.match(config({ 'amazonec2-image-name': 'ubuntu-24.04' }), { sshUser: 'ubuntu' })
  t.match(config({ 'amazonec2-ami': 'ami-1' }), { sshUser: 'ubuntu' })
  t.equal(factory.seedUser?.(config({ 'amazonec2-ssh-user': 'me' })), 'me')
  t.match(config({ 'amazonec2-spot-price': '' }), { spotPrice: '' })
  t.end()
})

t.test('keys or a profile, not both; a long-term key has no session token', (t) => {
  const keys = {
    'amazonec2-access-key': 'AKIAX',
    'amazonec2-secret-key': 's',
    'amazonec2-session-token': 'old',
  }
  t.strictSame(keysOf(config(keys)), { accessKey: 'AKIAX', secretKey: 's', sessionToken: '' })
  t.match(keysOf(config({ ...keys, 'amazonec2-access-key': 'ASIAX' })), { sessionToken: 'old' })
  t.match(parse({ ...keys, 'amazonec2-profile': 'ci' }), { faults: [/two accounts/] })
  const byProfile = config({ 'amazonec2-profile': 'ci' })
  t.equal(factory.inventoryPlace?.(byProfile), 'us-east-1 with profile ci')
  t.equal(factory.inventoryPlace?.(config(keys)), 'us-east-1')
  t.equal(keysOf({ ...byProfile, accessKey: 'AKIAX', secretKey: 's' }), undefined)
  t.not(accountKey(byProfile), accountKey(config(keys)))
  t.notMatch(accountKey(config(keys)), /AKIAX/)
  t.end()
})

t.test('obsolete and doubtful values', (t) => {
  t.ok(parse({ 'amazonec2-block-duration-minutes': 60 }).ok, 'accepted')
  t.match(parse({ 'amazonec2-tags': 'aws:x,1' }), { faults: [/"aws:x" cannot be the key/] })
  t.match(parse({ 'amazonec2-tags': 'tsmachine-id,1' }), { faults: [/cannot be the key/] })
  t.match(parse({ 'amazonec2-security-group-readonly': true }), {
    faults: [/needs --amazonec2-security-group/],
  })
  t.match(parse({ 'amazonec2-volume-encrypted': false, 'amazonec2-volume-kms-key': 'k' }), {
    faults: [/needs --amazonec2-volume-encrypted/],
  })
  t.match(parse({ 'amazonec2-metadata-token': 'never' }), { faults: [/one of required, optional/] })
  t.end()
})
