/**
 * kill -9 of QEMU at random moments while a container writes and images are made: what the guest had on its disk is there
 * when it starts again. One machine; each case is one cut, one start.
 */
import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { busyboxTar } from '../helpers/busybox-image.js'
import { TestUser } from '../helpers/cli.js'
import { checkRecords, DiskWriter } from '../helpers/disk-writer.js'
import { poll } from '../helpers/poll.js'
import { type Trial, trials } from '../helpers/trials.js'
import { cutPower } from '../helpers/vm-process.js'

t.setTimeout(7_000_000)
const NAME = 'disk'
const VM = [
  '--qemu-memory',
  '1024',
  '--qemu-cpu-count',
  '2',
  '--qemu-disk-size',
  '8000',
  '--qemu-accel',
  'tcg',
]
/** Longest wait, in milliseconds, between the first image of a case and the cut. */
const LATEST_MS = 3_000
const PAYLOAD_BYTES = 300_000
const user = new TestUser()
t.teardown(() => user.cleanUp())

interface Image {
  readonly tag: string
  readonly hash: string
}

/** All images that were made and told of, since the machine is. */
const images: Image[] = []
let records = 0

async function dockerEnv(): Promise<Record<string, string>> {
  const url = (await user.ok(['url', NAME])).trim()
  return { DOCKER_HOST: url, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: join(user.store, 'machines', NAME) }
}

async function docker(env: Record<string, string>, words: readonly string[], input = ''): Promise<string> {
  const { code, stdout, stderr } = await user.run('docker', words, { env, input })
  if (code !== 0) throw new Error(`docker ${words.join(' ')}: ${stderr}`)
  return stdout.trim()
}

/** Ways to an image that holds these bytes. */
const MAKERS: readonly ((env: Record<string, string>, tag: string, payload: string) => Promise<void>)[] = [
  async (env, tag, payload) => {
    const root = join(user.home, 'busybox-root')
    writeFileSync(join(root, 'payload'), payload)
    const tar = join(user.home, 'payload.tar')
    spawnSync('tar', ['-C', root, '-cf', tar, '.'])
    await docker(env, ['import', tar, tag])
  },
  async (env, tag, payload) => {
    await docker(env, ['run', '-i', '--name', tag, 'busybox', 'sh', '-c', 'cat >/payload'], payload)
    await docker(env, ['commit', tag, tag])
    await docker(env, ['rm', tag])
  },
]

/** Makes images until the power goes; only those whose maker was told that they are made count. */
async function makeImages(env: Record<string, string>, trial: Trial, isOver: () => boolean): Promise<void> {
  for (let n = 0; !isOver(); n++) {
    const payload = randomBytes(PAYLOAD_BYTES / 2).toString('hex')
    const image = {
      tag: `made-${trial.index}-${n}`,
      hash: createHash('sha256').update(payload).digest('hex'),
    }
    try {
      await trial.pick(MAKERS)(env, image.tag, payload)
    } catch (error) {
      if (isOver()) return
      throw error
    }
    if (!isOver()) images.push(image)
  }
}

/** As the guest does it at its start: the journal is replayed; then nothing may be left to repair. */
function checkDisk(): void {
  const [disk, copy] = [join(user.store, 'machines', NAME, 'data.raw'), join(user.home, 'cut.raw')]
  const must = (most: number, program: string, ...words: readonly string[]): void => {
    const { status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8' })
    if (status === null || status > most) throw new Error(`${program} says ${status}: ${stdout}${stderr}`)
  }
  must(0, 'cp', '--sparse=always', disk, copy)
  must(1, 'e2fsck', '-p', copy)
  must(0, 'e2fsck', '-fn', copy)
  rmSync(copy)
}

/** A file of a container, which need not run. */
async function fileOf(env: Record<string, string>, container: string, path: string): Promise<Buffer> {
  const copy = join(user.home, `${container}-copy`)
  await docker(env, ['cp', `${container}:${path}`, copy])
  const content = readFileSync(copy)
  rmSync(copy)
  return content
}

async function isIntact(env: Record<string, string>, { tag, hash }: Image): Promise<void> {
  const container = `look-${tag}`
  await docker(env, ['create', '--name', container, tag, 'true'])
  const payload = await fileOf(env, container, '/payload')
  await docker(env, ['rm', container])
  const zeros = payload.filter((byte) => byte === 0).length
  if (createHash('sha256').update(payload).digest('hex') !== hash)
    throw new Error(`image ${tag} has other content: ${payload.length} bytes, ${zeros} of them zero`)
}

async function powerReturns(): Promise<void> {
  await cutPower(user, NAME)
  checkDisk()
  await user.ok(['start', NAME])
  await engineIsSteady()
}

async function engineIsSteady(): Promise<void> {
  const log = await user.ok(['logs', NAME, '--boot'])
  const complaint = /^.*(FAILED|needs repair|data in RAM|starting it again).*$/m.exec(log)?.[0]
  if (complaint !== undefined) throw new Error(complaint)
}

/** A file of a layer, whose only block is filled in two turns; each is followed by the fsync of another file. */
const HALVES = `
for half in 1 2; do
  printf %01000d $half >>/half
  busybox dd if=/half of=/sync conv=fsync 2>/dev/null
done
echo told
sleep 1000`

/** What was written before an fsync is on the disk after it, as it is when the engine makes an image. */
async function halvesStay(): Promise<void> {
  const env = await dockerEnv()
  // No container ends before the cut: that would force the whole disk.
  await docker(env, ['run', '-d', '--name', 'halves', 'busybox', 'sh', '-c', HALVES])
  await poll(60_000, async () => (await docker(env, ['logs', 'halves'])) === 'told', 50)
  await powerReturns()
  const after = await dockerEnv()
  const content = await fileOf(after, 'halves', '/half')
  await docker(after, ['rm', 'halves'])
  const numbers = [1, 2].map((half) => String(half).padStart(1000, '0')).join('')
  if (content.toString() !== numbers)
    throw new Error(`the layer has lost what was forced: ${content.length} bytes`)
}

async function cut(trial: Trial): Promise<void> {
  const env = await dockerEnv()
  const writer = DiskWriter.start(user, env, records)
  const [known, before] = [images.length, records]
  let over = false
  const making = makeImages(env, trial, () => over)
  // It may fail before anybody waits for it.
  making.catch(() => undefined)
  try {
    await poll(60_000, () => Promise.resolve(writer.told > before && images.length > known), 5)
    const at = performance.now() + trial.next(LATEST_MS)
    await poll(LATEST_MS * 2, () => Promise.resolve(performance.now() >= at), 1)
  } finally {
    over = true
    await cutPower(user, NAME)
  }
  await Promise.all([making, writer.ended()])
  records = writer.told
  checkDisk()
  await user.ok(['start', NAME])
  await engineIsSteady()
  const after = await dockerEnv()
  await docker(after, [
    'run',
    '--name',
    'reader',
    '-v',
    'kept:/data',
    'busybox',
    'sh',
    '-c',
    'cat /data/loose/* >/dev/null; :',
  ])
  checkRecords(await fileOf(after, 'reader', '/data/synced'), records)
  await docker(after, ['rm', 'reader'])
  for (const image of images.slice(known)) await isIntact(after, image)
}

t.test('a machine whose power is cut loses nothing that was on its disk', async (t) => {
  await user.ok(['create', ...VM, NAME])
  // At once: what create has told of is on the disk, not only in the guest's memory.
  await powerReturns()
  const env = await dockerEnv()
  mkdirSync(join(user.home, 'busybox-root'), { recursive: true })
  await docker(env, ['import', await busyboxTar(user.home), 'busybox'])
  await halvesStay()
  await trials(t, 'kill -9 of QEMU while containers write', 'diskPowerCuts', cut)
  const after = await dockerEnv()
  for (const image of images) await isIntact(after, image)
  const { tag = 'none was made' } = images.at(-1) ?? {}
  t.equal(await docker(after, ['run', '--rm', tag, 'busybox', 'echo', 'it runs']), 'it runs')
  t.ok(records > 0, `${images.length} images are intact, ${records} records are there`)
})
