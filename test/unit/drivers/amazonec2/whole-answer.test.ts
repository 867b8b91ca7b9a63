import t, { type Test } from 'tap'
import { Ec2Api } from '../../../../src/drivers/amazonec2/client.js'
import { hastyClock } from '../../../helpers/hasty-clock.js'
import { NEVER } from '../../../helpers/never.js'
import { type ScriptedAnswer, scriptedApi } from '../../../helpers/scripted-api.js'

const LIST = `<?xml version="1.0" encoding="UTF-8"?>
<DescribeKeyPairsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId>
<keySet><item><keyPairId>key-1</keyPairId><keyName>mine</keyName></item></keySet></DescribeKeyPairsResponse>`
const PAGE = '<html><head><title>Blocked</title></head><body>by the proxy</body></html>'

/** An endpoint that answers one after the other, the last for good. */
async function apiOf(t: Test, ...answers: readonly [ScriptedAnswer, ...ScriptedAnswer[]]): Promise<Ec2Api> {
  const api = await scriptedApi(
    t,
    (_request, _response, count) => answers[Math.min(count, answers.length) - 1],
  )
  return new Ec2Api({
    region: 'us-east-1',
    endpoint: api.url,
    profile: '',
    keys: { accessKey: 'AKIDEXAMPLE', secretKey: 'secret', sessionToken: '' },
    retries: 2,
    clock: hastyClock(50),
    budget: () => ({ take: () => Promise.resolve(), exhausted: () => undefined }),
  })
}

const xml = (body: string): ScriptedAnswer => ({ status: 200, body, headers: { 'content-type': 'text/xml' } })
const html: ScriptedAnswer = { status: 200, body: PAGE, headers: { 'content-type': 'text/html' } }

t.test('a page, half a list and nothing at all are asked for again, and never an empty list', async (t) => {
  const half = xml(LIST.slice(0, LIST.indexOf('<keySet>')))
  for (const bad of [html, half, xml('')]) {
    const api = await apiOf(t, bad, xml(LIST))
    t.match(await api.call('DescribeKeyPairs', {}, NEVER), { KeyPairs: [{ KeyName: 'mine' }] })
  }
})

t.test('where it goes on so the words that came are told, and what may help', async (t) => {
  const api = await apiOf(t, html)
  await t.rejects(api.call('DescribeKeyPairs', {}, NEVER), {
    message: /no whole answer of EC2: Blocked by the proxy/,
    fate: 'unknown',
    hints: [/proxy/],
  })
  const moved = await apiOf(t, { status: 302, body: '', headers: { location: 'http://127.0.0.1:9/' } })
  await t.rejects(moved.call('DeleteKeyPair', {}, NEVER), {
    message: /HTTP 302/,
    fate: 'refused',
    hints: [/check the proxy and the endpoint/],
  })
})
