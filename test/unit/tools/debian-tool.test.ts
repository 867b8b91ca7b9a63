import { readFileSync } from 'node:fs'
import t from 'tap'
import { parseElf } from '../../../image-build/elf.js'
import { debianTool } from '../../../tools/debian-tool.js'

t.test('busybox is the static one, whatever this computer has', async (t) => {
  const elf = parseElf(readFileSync(await debianTool('busybox')))
  t.equal(elf.interpreter, undefined)
})

t.test('a program that is not in the table is refused with those that are', async (t) => {
  await t.rejects(debianTool('vim'), /vim is none of docker, docker-compose, busybox/)
})
