import t from 'tap'
import { parseFacts } from '../../../provision/facts.js'
import { parseOsRelease } from '../../../provision/os-release.js'
import { hostFlags, ownExecStart } from '../../../provision/units.js'

t.test('unit texts are read as systemd reads them', async (t) => {
  t.equal(ownExecStart('[Service]\nExecStart=/a\nExecStart=\nExecStart = /b -x\n'), '/b -x')
  t.equal(ownExecStart('[Unit]\nExecStart=/a\n'), undefined)
  t.same(
    hostFlags('/usr/bin/dockerd -H fd:// -H=unix:///a --host=tcp://b:1 --host tcp://c -Htcp://d --hosts-x'),
    ['fd://', 'unix:///a', 'tcp://b:1', 'tcp://c', 'tcp://d'],
  )
})

t.test('facts of an odd document have sane values', async (t) => {
  t.match(parseFacts({}, 0), { init: 'unknown', sudo: 'none', engine: undefined, containers: 0, cgroup: 0 })
  t.match(
    parseFacts(
      { mounts: 'x /my\\040disk ext4 rw,noexec 0 0', df_opt: 'head\n/dev/x 10 4 6 40% /my disk' },
      0,
    ),
    { opt: { mount: '/my disk', freeBytes: 6144, isNoexec: true, isReadOnly: false } },
  )
  t.same(parseOsRelease('ID="a\\"b"\nX=\nexport Y=1\n'), { ID: 'a"b', X: '' })
})
