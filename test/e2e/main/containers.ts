/** What users do with the engine: run, publish, compose, push and pull. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { debianTool } from '../../../tools/debian-tool.js'
import { importBusybox } from '../../helpers/busybox-image.js'
import { PROGRAM } from '../../helpers/cli.js'
import { poll } from '../../helpers/poll.js'
import { freePort } from '../../helpers/sshd.js'
import { fetchText, type Web } from './web.js'

/** A container's command that serves one word at a port. */
const serving = (word: string, port: number): string[] => [
  ...['sh', '-c'],
  `mkdir -p /www && echo ${word} > /www/index.html && httpd -f -p ${port} -h /www`,
]

export function containers(web: Web): void {
  const { user } = web

  t.test('env points a shell’s docker at the machine', async (t) => {
    const program = `eval "$(${process.execPath} ${PROGRAM} env web)" && docker info --format '{{.Name}} {{json .Labels}}'`
    const outcome = await user.run('sh', ['-c', program])
    t.match(outcome.stdout, /^web /, outcome.stderr)
    t.match(
      outcome.stdout,
      'note=it costs $5 \\"today\\"',
      'a label with quotes, $ and spaces arrives as it is',
    )
    t.match(outcome.stdout, 'provider=qemu')
  })

  t.test('the Docker context works without any variable', async (t) => {
    const outcome = await user.run('docker', [
      '--context',
      'web',
      'version',
      '--format',
      '{{.Server.Version}}',
    ])
    t.match(outcome.stdout, /^\d+\.\d+/, outcome.stderr)
  })

  t.test('a container runs', async (t) => {
    await importBusybox(user, 'web')
    t.equal(
      await web.docker('run', '--rm', 'busybox', 'echo', 'hello from the container'),
      'hello from the container',
    )
  })

  t.test('a published port is reachable here within 2 s and goes with its container', async (t) => {
    const port = await freePort()
    const flags = ['-d', '--init', '--name', 'site', '-p', `${port}:80`]
    await web.docker('run', ...flags, 'busybox', ...serving('served', 80))
    const { answer, tookMs } = await poll(20_000, () => fetchText(port), 100)
    t.equal(answer.trim(), 'served')
    t.ok(tookMs <= 2_000, `reachable ${Math.round(tookMs)} ms after docker run returned`)
    t.match(await user.ok(['forward', 'web']), new RegExp(`127.0.0.1:${port} .*container site`))
    await web.docker('rm', '-f', 'site')
    await poll(10_000, async () => (await fetchText(port)) === '')
  })

  t.test('a port is forwarded by hand to what nobody published', async (t) => {
    const [here, there] = [await freePort(), 8099]
    await web.docker(
      'run',
      '-d',
      '--init',
      '--name',
      'inside',
      '--network',
      'host',
      'busybox',
      ...serving('by-hand', there),
    )
    t.equal(await user.ok(['forward', 'web', `${here}:${there}`]), `127.0.0.1:${here} -> web:${there}/tcp\n`)
    t.match(await user.ok(['forward', 'web']), new RegExp(`127.0.0.1:${here} .*${there}`))
    t.equal((await poll(10_000, () => fetchText(here), 100)).answer, 'by-hand\n')
    await web.docker('rm', '-f', 'inside')
  })

  t.test('a port taken on this computer is shown and never stops the container', async (t) => {
    const taken = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => taken.once('listening', resolve))
    const address = taken.address()
    const port = typeof address === 'object' && address ? address.port : 0
    await web.docker(
      'run',
      '-d',
      '--init',
      '--name',
      'blocked',
      '-p',
      `${port}:80`,
      'busybox',
      'sleep',
      '600',
    )
    await poll(10_000, async () => (await user.ok(['forward', 'web'])).includes(String(port)))
    t.match(await user.ok(['forward', 'web']), /blocked.*(in use|taken)/)
    t.match(await user.ok(['ls']), new RegExp(String(port)), 'ls says so too')
    t.equal(await web.docker('inspect', '-f', '{{.State.Running}}', 'blocked'), 'true')
    await web.docker('rm', '-f', 'blocked')
    await new Promise((resolve) => taken.close(resolve))
  })

  t.test('docker compose brings two services up that reach each other', async (t) => {
    const compose = await debianTool('docker-compose')
    const project = join(user.home, 'project')
    mkdirSync(project)
    writeFileSync(
      join(project, 'compose.yaml'),
      `services:
  site:
    image: busybox
    init: true
    command: sh -c "mkdir -p /www && echo composed > /www/index.html && httpd -f -p 80 -h /www"
  client:
    image: busybox
    init: true
    depends_on: [site]
    command: sh -c "for i in 1 2 3 4 5 6 7 8 9; do wget -q -O - http://site/ && exit 0; sleep 1; done; exit 1"
`,
    )
    const env = await web.dockerEnv()
    const up = await user.run(compose, ['up', '-d'], { cwd: project, env })
    t.equal(up.code, 0, up.stderr)
    await poll(30_000, async () => (await web.docker('logs', 'project-client-1')).includes('composed'))
    const down = await user.run(compose, ['down', '-t', '1'], { cwd: project, env })
    t.equal(down.code, 0, down.stderr)
  })

  t.test('images are pushed to and pulled from a registry with its own CA', async (t) => {
    const image = `${web.registry.address}/tests/busybox:1`
    await web.docker('tag', 'busybox', image)
    await web.docker('push', image)
    await web.docker('rmi', image, 'busybox')
    t.equal(await web.docker('images', '-aq'), '', 'no image and no layer is left to take it from')
    const pulled = await web.docker('pull', image)
    t.match(pulled, /Pull complete[^]*Downloaded newer image/)
    t.notMatch(pulled, 'Already exists')
    await web.docker('tag', image, 'busybox')
    t.equal(await web.docker('run', '--rm', 'busybox', 'echo', 'pulled'), 'pulled')
  })
}
