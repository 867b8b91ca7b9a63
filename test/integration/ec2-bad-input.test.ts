/** What users get wrong at EC2: AWS's words, what helps, and 3 where nothing was made. */
import t from 'tap'
import { systemClock } from '../../src/util/clock.js'
import { CREDENTIAL, Ec2Double } from '../doubles/ec2/index.js'
import { checkBadInput, closedPort, largeFile } from '../helpers/bad-input.js'
import { connectProxy } from '../helpers/connect-proxy.js'
import { EC2_KEY } from '../helpers/ec2-trial.js'

t.setTimeout(480_000)

const OLD = { ...CREDENTIAL, accessKeyId: 'ASIADOUBLE0000000000', sessionToken: 'old', expired: true }
const SOME = { ...CREDENTIAL, accessKeyId: 'AKIDSOME000000000000', denied: ['RunInstances', 'ImportKeyPair'] }
const OTHER = 'key-0123456789abcdef0'

/** A key of somebody else gets the name that our store's has had in an earlier row. */
function takeName({ account, requests }: Ec2Double): void {
  const KeyName = String(
    requests.findLast(({ operation }) => operation === 'ImportKeyPair')?.input['KeyName'],
  )
  account.region('us-east-1')?.keys.set(OTHER, { KeyPairId: OTHER, KeyName, PublicKey: EC2_KEY })
}

t.test('amazonec2', async (t) => {
  let aheadMs = 0
  const double = await Ec2Double.start({
    servers: 'none',
    rates: false,
    clock: { ...systemClock, now: () => new Date(Date.now() + aheadMs) },
    credentials: [CREDENTIAL, OLD, SOME],
  })
  t.teardown(() => double.close())
  const proxy = await connectProxy(t, '407 Proxy Authentication Required')
  const closed = await closedPort()
  const keys = (id: string, secret = CREDENTIAL.secretAccessKey, session = ''): Record<string, string> => ({
    AWS_ACCESS_KEY_ID: id,
    AWS_SECRET_ACCESS_KEY: secret,
    AWS_SESSION_TOKEN: session,
  })
  const { limits } = double.account
  const usual = { ...limits }
  await checkBadInput(
    t,
    double,
    {
      driver: 'amazonec2',
      env: {
        AWS_ENDPOINT_URL_EC2: double.url,
        AWS_EC2_METADATA_DISABLED: 'true',
        ...keys(CREDENTIAL.accessKeyId),
      },
      reset(one) {
        aheadMs = 0
        Object.assign(limits, usual)
        one.account.region('us-east-1')?.keys.delete(OTHER)
      },
    },
    [
      {
        what: 'no keys',
        env: keys('', ''),
        code: 3,
        says: [/requires AWS credentials configured/, /aws configure/],
      },
      {
        what: 'an unknown key id',
        env: keys('AKIDNOBODY0000000000'),
        code: 3,
        says: [/not able to validate the provided access credentials \(AuthFailure/, /aws sts get-caller/],
      },
      {
        what: 'a wrong secret',
        env: keys(CREDENTIAL.accessKeyId, 'another-secret'),
        code: 3,
        says: [/AuthFailure|SignatureDoesNotMatch/, /aws sts get-caller-identity/, /^(?![^]*another-secret)/],
      },
      {
        what: 'an expired session',
        env: keys(OLD.accessKeyId, OLD.secretAccessKey, OLD.sessionToken),
        code: 3,
        says: [/Request has expired\. \(RequestExpired/, /aws sso login/],
      },
      {
        what: 'no permission',
        env: keys(SOME.accessKeyId),
        code: 3,
        says: [/no permission: ec2:RunInstances: /, /docs\/drivers\/amazonec2\.md/],
      },
      {
        what: 'an unknown region',
        args: ['--amazonec2-region', 'us-esat-1'],
        code: 3,
        says: [/AWS has no region .*us-esat-1/, /Did you mean us-east-1\?/],
      },
      {
        what: 'an unknown type and image, at once',
        args: ['--amazonec2-instance-type', 't3.mirco', '--amazonec2-ami', 'ami-0123456789abcdef0'],
        code: 3,
        says: [
          /no instance type .*t3\.mirco/,
          /Did you mean t3\.micro\?/,
          /no image ami-0123456789abcdef0 in us-east-1/,
          /Without --amazonec2-ami the newest Debian is taken/,
        ],
      },
      {
        what: 'the quota is reached',
        given: () => (limits.vcpus = 0),
        code: 1,
        says: [/more vCPU capacity than your current vCPU limit of 0 .*VcpuLimitExceeded/, /Service Quotas/],
      },
      {
        what: 'it dies in its boot',
        given: ({ account }) =>
          account.deaths.push({
            code: 'Server.InternalError',
            message: 'Server.InternalError: Internal error on launch',
            console: 'Kernel panic - not syncing: no root',
          }),
        code: 1,
        says: [/it was terminated: Server\.InternalError/, /Kernel panic - not syncing: no root/],
      },
      {
        what: 'a key pair of that name with another key',
        given: takeName,
        code: 1,
        says: [
          /The keypair already exists: .*InvalidKeyPair\.Duplicate/,
          /not made: aws ec2 delete-key-pair --key-name tsmachine-/,
        ],
      },
      {
        what: 'large user data',
        args: ['--amazonec2-userdata', largeFile(t, 16 * 1024)],
        code: 3,
        says: [/user data/i, /16 KiB|16\D?384/],
      },
      {
        what: 'a wrong clock',
        given: () => (aheadMs = 60 * 60_000),
        code: 3,
        says: [/Request has expired/, /clock is 60 minutes behind AWS's/, /NTP/],
      },
      {
        what: 'nobody there',
        env: { AWS_ENDPOINT_URL_EC2: `http://127.0.0.1:${closed}` },
        code: 3,
        says: [/Cannot reach EC2 at http:\S+ .*the connection was refused/, /proxy settings/],
      },
      {
        what: 'a proxy that wants a login',
        env: {
          AWS_ENDPOINT_URL_EC2: 'https://ec2.acme.test',
          HTTPS_PROXY: `http://me:hunter2@127.0.0.1:${proxy.port}`,
        },
        code: 3,
        says: [/the proxy refused: .*407/, /^(?![^]*hunter2)/],
      },
    ],
  )
})
