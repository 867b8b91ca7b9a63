// A machine that the community driver made, as docker-machine's record alone tells of it.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { JsonObject } from '../../../../src/contracts/json.js'
import { factory } from '../../../../src/drivers/hetzner/index.js'
import { machineAddress } from '../../../../src/machine/address.js'
import { inspectMachine } from '../../../../src/machine/inspect.js'
import { removeMachine } from '../../../../src/machine/remove.js'
import { machineStatus } from '../../../../src/machine/status.js'
import { stopMachine } from '../../../../src/machine/stop.js'
import { TOKEN } from '../../../doubles/cloud/index.js'
import { apiClient } from '../../../helpers/api-client.js'
import { hetznerBench } from '../../../helpers/hetzner-bench.js'
import { machineContext } from '../../../helpers/machine-context.js'
import { driverRecord } from '../../../helpers/records.js'

t.test('ip, status, stop and rm; its token is used where it is, and stays there alone', async (t) => {
  const { double } = await hetznerBench(t)
  const ask = apiClient(double.url)
  const key = { name: 'web', public_key: `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${'B'.repeat(43)} web` }
  const { ssh_key } = (await ask('POST', '/ssh_keys', key)).body as { ssh_key: { id: number } }
  const wanted = { name: 'web', server_type: 'cx23', image: 'debian-12', ssh_keys: ['web'] }
  const { server } = (await ask('POST', '/servers', wanted)).body as { server: { id: number } }
  await double.timeline.clock.sleep(2_000)

  const dir = t.testdir()
  // The record names no endpoint: the real one, which no test may ask.
  const hetzner = {
    ...factory,
    record: {
      ...factory.record,
      fromFields: (...args: Parameters<typeof factory.record.fromFields>) => {
        const read = factory.record.fromFields(...args)
        return { ...read, config: { ...read.config, endpoint: double.url } }
      },
    },
  }
  const ctx = machineContext({ dir, factories: { hetzner } })
  const record = JSON.parse(driverRecord('hetzner')) as { Driver: JsonObject }
  const Driver = {
    ...record.Driver,
    ...{ AccessToken: TOKEN, ServerID: server.id, KeyID: ssh_key.id, StorePath: ctx.store.root },
  }
  mkdirSync(ctx.store.dir('web'), { recursive: true })
  const path = join(ctx.store.dir('web'), 'config.json')
  writeFileSync(path, JSON.stringify({ ...record, Driver, Name: 'web' }, null, 4))

  t.equal((await machineAddress(ctx, 'web')).ip, '192.0.2.24')
  t.equal(await machineStatus(ctx, 'web'), 'Running')
  t.notMatch(JSON.stringify(await inspectMachine(ctx, 'web')), TOKEN)
  await stopMachine(ctx, 'web')
  t.equal(await machineStatus(ctx, 'web'), 'Stopped')
  t.match(readFileSync(path, 'utf8'), TOKEN)
  await removeMachine(ctx, 'web', { force: false })
  t.strictSame(double.inventory(), [], 'the server and its own key are gone')
  t.strictSame(ctx.store.names(), [])
})
