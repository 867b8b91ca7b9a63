import t from 'tap'
import type { MachineRecord } from '../../../src/contracts/record.js'
import { EnginePorts } from '../../../src/machine/engine-port.js'

t.test('records are read once for all machines of a listing, and moves are known', async (t) => {
  const machines: Readonly<Record<string, number | undefined>> = {
    a: 20_001,
    b: 20_001,
    c: 20_002,
    d: undefined,
  }
  let reads = 0
  const readAll = (): MachineRecord[] => {
    reads++
    return Object.entries(machines).map(
      ([name, port]) =>
        ({ name, ledger: port === undefined ? {} : { engineTunnel: { port } } }) as MachineRecord,
    )
  }
  const ports = new EnginePorts({ readAll })
  t.equal(reads, 0, 'nothing is read before somebody asks')
  const others = (): boolean[] =>
    Object.entries(machines).map(([name, port]) => ports.isOfAnother(port ?? 20_002, name))
  t.same(others(), [true, true, false, true])
  ports.moved('a', 20_003)
  t.same(others(), [true, false, false, true])
  t.ok(ports.isOfAnother(20_003, 'b'))
  t.notOk(ports.isOfAnother(20_003, 'a'))
  t.equal(reads, 1)
})
