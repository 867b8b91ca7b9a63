/** One plan per kind of host, as `--dry-run` prints it. TSMACHINE_GOLDEN=write writes what is printed now. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { plan } from '../../../provision/plan.js'
import { FAMILIES, familyOf } from '../../../provision/plans/families.js'
import { parseOsRelease } from '../../../provision/os-release.js'
import { renderPlan } from '../../../provision/render-plan.js'
import { hostFacts, HOSTS } from '../../helpers/families.js'
import { wanted } from '../../helpers/provision-input.js'

const FOLDER = 'test/fixtures/provision'
/** Contents of files that a golden file above has already, by their text. */
const known = new Map<string, string>()

/** The same unit is not printed twice. */
function shorten(text: string, name: string): string {
  return text.replace(/(?:^ {5}.*\n){3,}/gm, (content) => {
    const first = known.get(content)
    if (first === undefined) known.set(content, name)
    return first === undefined || first === name ? content : `     (as on ${first})\n`
  })
}

for (const host of HOSTS)
  t.test(`${host.name}: the plan is what it should be`, async (t) => {
    const facts = hostFacts(host)
    t.equal(familyOf(facts.osRelease)?.name, host.family)
    const made = plan(
      facts,
      wanted({ name: 'web' }, { labels: ['a=b'], env: ['HTTP_PROXY=http://proxy:3128'] }),
    )
    const title = `# ${facts.osRelease['PRETTY_NAME'] ?? ''}: ${made.engine.source} ${made.engine.version ?? ''}\n`
    const text = shorten(title + renderPlan(made), host.name)
    const path = join(FOLDER, `${host.name}.txt`)
    if (process.env['TSMACHINE_GOLDEN'] === 'write') writeFileSync(path, text)
    t.equal(text, existsSync(path) ? readFileSync(path, 'utf8') : '')
  })

t.test('each kind of host has a golden plan, and each plan a host', async (t) => {
  t.same(readdirSync(FOLDER).sort(), HOSTS.map(({ name }) => `${name}.txt`).sort())
  const shown = new Set(HOSTS.map(({ family }) => family))
  t.same(
    FAMILIES.map(({ name }) => name).filter((name) => !shown.has(name) && name !== 'Gentoo'),
    [],
  )
})

t.test('kin is found by ID_LIKE, the nearest first', async (t) => {
  const kin: Record<string, string | undefined> = {
    'ID=raspbian\nID_LIKE=debian': 'Debian',
    'ID=linuxmint\nID_LIKE="ubuntu debian"': 'Ubuntu',
    'ID=pop\nID_LIKE="ubuntu debian"': 'Ubuntu',
    'ID="amzn"\nID_LIKE="centos rhel fedora"': 'Amazon Linux',
    'ID="opensuse-tumbleweed"\n# VERSION="20240823"\nID_LIKE="opensuse suse"': 'SUSE',
    'ID=manjaro\nID_LIKE=arch': 'Arch',
    'ID=fedora\nVARIANT_ID=server': 'Fedora',
    'ID=nobara\nID_LIKE="rhel centos fedora"': 'Red Hat',
    'ID=postmarketos\nID_LIKE=alpine': 'Alpine',
    'ID=nixos': undefined,
    '': undefined,
  }
  for (const [text, name] of Object.entries(kin)) t.equal(familyOf(parseOsRelease(text))?.name, name, text)
})
