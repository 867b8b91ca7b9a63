import t from 'tap'
import { commandLine, detectShell, renderEnv } from '../../../src/ui/shell-env.js'

const set = [['DOCKER_HOST', 'tcp://192.0.2.1:2376']] as const
const script = { set, unset: [], commandLine: 'docker-machine env web', exactHints: true }
const removal = { set: [], unset: ['DOCKER_HOST'], commandLine: 'docker-machine env -u', exactHints: true }

/** docker-machine's own output, as recorded from it. */
const SHAPES: Readonly<Record<string, readonly [set: string, unset: string, first: string, second: string]>> =
  {
    bash: [
      'export DOCKER_HOST="tcp://192.0.2.1:2376"',
      'unset DOCKER_HOST',
      '# Run this command to configure your shell: ',
      '# eval $(X)',
    ],
    whatever: [
      'export DOCKER_HOST="tcp://192.0.2.1:2376"',
      'unset DOCKER_HOST',
      '# Run this command to configure your shell: ',
      '# eval $(X)',
    ],
    fish: [
      'set -gx DOCKER_HOST "tcp://192.0.2.1:2376";',
      'set -e DOCKER_HOST;',
      '# Run this command to configure your shell: ',
      '# eval (X)',
    ],
    powershell: [
      '$Env:DOCKER_HOST = "tcp://192.0.2.1:2376"',
      'Remove-Item Env:\\\\DOCKER_HOST',
      '# Run this command to configure your shell: ',
      '# & X | Invoke-Expression',
    ],
    cmd: [
      'SET DOCKER_HOST=tcp://192.0.2.1:2376',
      'SET DOCKER_HOST=',
      'REM Run this command to configure your shell: ',
      `REM \t@FOR /f "tokens=*" %i IN ('X') DO @%i`,
    ],
    tcsh: [
      'setenv DOCKER_HOST "tcp://192.0.2.1:2376";',
      'unsetenv DOCKER_HOST;',
      ': Run this command to configure your shell: ',
      ': eval `X`',
    ],
    emacs: [
      '(setenv "DOCKER_HOST" "tcp://192.0.2.1:2376")',
      '(setenv "DOCKER_HOST" nil)',
      ';; Run this command to configure your shell: ',
      ';; (with-temp-buffer (shell-command "X" (current-buffer)) (eval-buffer))',
    ],
  }

t.test("every shell gets docker-machine's exact lines", async (t) => {
  for (const [shell, [setting, unsetting, first, second]] of Object.entries(SHAPES)) {
    const hint = (command: string): string => `${first}\n${second.replace('X', () => command)}\n`
    t.equal(renderEnv(shell, script), `${setting}\n${hint('docker-machine env web')}`, shell)
    t.equal(renderEnv(shell, removal), `${unsetting}\n${hint('docker-machine env -u')}`, shell)
  }
})

t.test('our own hints keep values whole', async (t) => {
  const own = { ...script, exactHints: false }
  t.match(renderEnv('zsh', own), '# eval "$(docker-machine env web)"')
  t.match(renderEnv('fish', own), '# docker-machine env web | source')
})

t.test('json and nushell are data', async (t) => {
  t.same(JSON.parse(renderEnv('json', script)), { DOCKER_HOST: 'tcp://192.0.2.1:2376' })
  t.same(JSON.parse(renderEnv('json', removal)), { DOCKER_HOST: null })
  t.same(JSON.parse(renderEnv('nushell', script)), { DOCKER_HOST: 'tcp://192.0.2.1:2376' })
  t.equal(renderEnv('nushell', removal), 'hide-env --ignore-errors DOCKER_HOST\n')
})

t.test('what a shell cannot hold is refused', async (t) => {
  const broken = { ...script, set: [['DOCKER_CERT_PATH', '/a\nb']] as const }
  for (const shell of ['cmd', 'tcsh']) t.throws(() => renderEnv(shell, broken), { code: 'usage' }, shell)
  t.equal(
    renderEnv('powershell', { ...script, set: [['K', 'a"`$\u201d\n']] }).split('\n')[0],
    '$Env:K = "a`"```$`\u201d`n"',
  )
  t.equal(renderEnv('emacs', { ...script, set: [['K', 'a"\\']] }).split('\n')[0], '(setenv "K" "a\\"\\\\")')
})

t.test('the shell is what was said, else what $SHELL says', async (t) => {
  t.equal(detectShell({ SHELL: '/bin/zsh' }, 'linux', 'fish'), 'fish')
  t.equal(detectShell({ SHELL: '/usr/bin/zsh' }, 'linux'), 'zsh')
  t.equal(detectShell({ SHELL: '/bin/bash', __fish_bin_dir: '/x' }, 'linux'), 'fish')
  t.equal(detectShell({}, 'linux'), undefined)
  t.equal(detectShell({}, 'win32'), 'cmd')
  t.equal(detectShell({ PSModulePath: 'x' }, 'win32'), 'powershell')
})

t.test('the hint repeats the command line', async (t) => {
  t.equal(commandLine(['tsmachine', 'env', 'web']), 'tsmachine env web')
  t.equal(commandLine(['/a b/tsmachine', 'env']), '"/a b/tsmachine" env')
})
