import t from 'tap'
import type { FlagValues, PreflightFault } from '../../../../src/contracts/driver.js'
import { CREDENTIAL } from '../../../doubles/ec2/index.js'
import { Ec2Trial, type TrialOptions } from '../../../helpers/ec2-trial.js'
import { FastClock } from '../../../helpers/fast-clock.js'

interface Case {
  readonly flags?: FlagValues
  readonly options?: TrialOptions
  readonly faults: readonly { readonly message: RegExp; readonly hint?: RegExp }[]
}

const CASES: Readonly<Record<string, Case>> = {
  'nothing is wrong': { faults: [] },
  'wrong keys are told once, whatever was asked': {
    flags: { 'amazonec2-secret-key': 'another' },
    faults: [{ message: /SignatureDoesNotMatch|AuthFailure/, hint: /AWS_ACCESS_KEY_ID.*aws sts/ }],
  },
  'unknown keys': {
    flags: { 'amazonec2-access-key': 'AKIDUNKNOWN000000000' },
    faults: [
      {
        message: /validate the provided access credentials \(AuthFailure, HTTP 401/,
        hint: /AWS_ACCESS_KEY_ID/,
      },
    ],
  },
  'temporary keys have run out': {
    flags: { 'amazonec2-access-key': 'ASIADOUBLE0000000000', 'amazonec2-session-token': 'old' },
    options: {
      credentials: [
        CREDENTIAL,
        { ...CREDENTIAL, accessKeyId: 'ASIADOUBLE0000000000', sessionToken: 'old', expired: true },
      ],
    },
    faults: [{ message: /ExpiredToken|RequestExpired/, hint: /aws sso login/ }],
  },
  'an unknown region, with the nearest': {
    flags: { 'amazonec2-region': 'eu-centrall-1' },
    faults: [
      { message: /no region "eu-centrall-1"/, hint: /Did you mean eu-central-1\? Regions: .*us-east-1/ },
    ],
  },
  'a region that is not enabled': {
    flags: { 'amazonec2-region': 'ap-east-1' },
    faults: [{ message: /not enabled the region ap-east-1/, hint: /Enable it/ }],
  },
  'unknown types, with the nearest': {
    flags: { 'amazonec2-instance-types': ['t3.mirco', 'm7i.larg'] },
    faults: [
      { message: /no instance type "t3.mirco"/, hint: /t3.micro/ },
      { message: /no instance type "m7i.larg"/, hint: /m7i.large/ },
    ],
  },
  'a type that the zone lacks': {
    flags: { 'amazonec2-zone': 'e' },
    faults: [{ message: /t3\.micro: not offered in us-east-1e/, hint: /us-east-1a, us-east-1b/ }],
  },
  'an unknown type, image and subnet at once': {
    flags: {
      'amazonec2-instance-type': 't3.nano-ish',
      'amazonec2-ami': 'ami-0123456789abcdef0',
      'amazonec2-subnet-id': 'subnet-0123456789abcdef0',
    },
    faults: [
      { message: /no instance type "t3.nano-ish"/ },
      { message: /no image ami-0123456789abcdef0 in us-east-1/, hint: /newest Debian/ },
      { message: /no subnet subnet-0123456789abcdef0/ },
    ],
  },
  'an unknown VPC': {
    flags: { 'amazonec2-vpc-id': 'vpc-0123456789abcdef0' },
    faults: [{ message: /no VPC vpc-0123456789abcdef0/ }],
  },
  'no default VPC': {
    options: { defaultVpc: false },
    faults: [{ message: /no default VPC in us-east-1/, hint: /--amazonec2-vpc-id/ }],
  },
  'no image of that name': {
    flags: { 'amazonec2-image-name': 'debian-99' },
    faults: [{ message: /no image debian-99 for x86_64/, hint: /debian-13/ }],
  },
  'a root volume that is too small for the image': {
    flags: { 'amazonec2-root-size': 4 },
    faults: [{ message: /needs a root volume of 8 GB/, hint: /--amazonec2-root-size 8/ }],
  },
  'a key pair that is not there': {
    flags: { 'amazonec2-keypair-name': 'mine', 'amazonec2-ssh-keypath': '/k' },
    faults: [{ message: /no key pair "mine"/, hint: /belong to a region/ }],
  },
  'a read-only group that is not there': {
    flags: { 'amazonec2-security-group': ['mine'], 'amazonec2-security-group-readonly': true },
    faults: [{ message: /no security group "mine"/, hint: /without --amazonec2-security-group-readonly/ }],
  },
  'IPv6 where the subnet has none': {
    flags: { 'amazonec2-ipv6': true },
    faults: [{ message: /default VPC \S+ has no IPv6 range/, hint: /--amazonec2-ipv6/ }],
  },
  'no permission to make instances: the action is named': {
    options: { credentials: [{ ...CREDENTIAL, denied: ['RunInstances'] }] },
    faults: [{ message: /no permission: ec2:RunInstances/, hint: /lack the permission ec2:RunInstances/ }],
  },
  'no permission to make security groups': {
    options: { credentials: [{ ...CREDENTIAL, denied: ['CreateSecurityGroup'] }] },
    faults: [{ message: /no permission: ec2:CreateSecurityGroup/, hint: /Permissions/ }],
  },
  'a profile that does not exist': {
    flags: { 'amazonec2-iam-instance-profile': 'nobody' },
    faults: [{ message: /nobody.*InvalidParameterValue/ }],
  },
  'an endpoint that nobody answers at': {
    flags: { 'amazonec2-endpoint': 'http://127.0.0.1:9' },
    faults: [{ message: /Cannot reach EC2 at http:\/\/127\.0\.0\.1:9 to .*ECONNREFUSED/, hint: /proxy/ }],
  },
}

for (const [title, { flags, options, faults }] of Object.entries(CASES))
  t.test(title, async (t) => {
    const trial = await Ec2Trial.start(t, flags, options)
    const found: readonly PreflightFault[] = await trial.preflight()
    t.equal(found.length, faults.length, JSON.stringify(found))
    t.match(found, faults)
    t.strictSame(trial.double.inventory(), [], 'it makes nothing')
    t.strictSame(trial.double.violations, [])
    t.notMatch(JSON.stringify(found), CREDENTIAL.secretAccessKey)
  })

t.test('the clock is off by how much is said where AWS refuses for it', async (t) => {
  const trial = await Ec2Trial.start(
    t,
    {},
    { clock: new FastClock(1, new Date(Date.now() + 20 * 60_000)), driverClock: new FastClock(1) },
  )
  t.match(await trial.preflight(), [
    { message: /RequestExpired|SignatureDoesNotMatch/, hint: /clock is 20 minutes behind AWS's\..*\(NTP\)/ },
  ])
})

t.test('a machine of this store that has no record is a name that is taken', async (t) => {
  const trial = await Ec2Trial.start(t)
  await trial.create()
  const again = trial.with(trial.config)
  t.match(await again.preflight(), [
    { message: /instance named ma1a1 already: i-/, hint: /tsmachine adopt --driver amazonec2 i-/ },
  ])
})

t.test('checks that share an answer ask once', async (t) => {
  const trial = await Ec2Trial.start(t)
  await trial.preflight()
  await trial.create()
  for (const action of ['DescribeVpcs', 'DescribeSubnets', 'DescribeImages', 'DescribeInstanceTypes'])
    t.equal(trial.double.count(action), 1, action)
})
