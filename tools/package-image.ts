/**
 * `npm run package:image`: makes the optional npm packages tsmachine-image-ARCH and tsmachine-engine-ARCH in dist-packages/.
 * Options: --quick packs the default build (release otherwise), --from DIR packs an earlier build (DIR/image, DIR/engine),
 * --out DIR, --mirror URL, --pin writes the artefacts' hashes into our package.json (what TSMACHINE_IMAGE_URL may deliver).
 */
import { copyFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from '../image-build/build.js'
import type { ArtefactPin, Manifest } from '../src/contracts/image.js'
import { readManifest } from '../src/images/manifest.js'
import { packageName } from '../src/images/optional-package.js'
import { artefactSbom } from '../src/images/sbom.js'
import { verifyFiles } from '../src/images/verify.js'
import { runChecked } from '../src/util/exec.js'
import { cachePath, packageRoot } from '../src/util/paths.js'

const KINDS = ['image', 'engine'] as const
const TEXTS = {
  image: 'Boot image of tsmachine: Linux kernel, initramfs and container engine for its virtual machines',
  engine: 'Engine bundle of tsmachine: a relocatable container engine for existing Linux hosts',
}

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join(packageRoot(), 'dist-packages') },
    from: { type: 'string' },
    mirror: { type: 'string' },
    quick: { type: 'boolean', default: false },
    pin: { type: 'boolean', default: false },
  },
})

const out = resolve(values.out)
await mkdir(out, { recursive: true })
const work = await mkdtemp(join(out, '.work-'))
try {
  const from = values.from ? resolve(values.from) : await buildInto(join(work, 'build'))
  const pins: Record<string, ArtefactPin> = {}
  for (const kind of KINDS) {
    const manifest = await readManifest(join(from, kind))
    await verifyFiles(join(from, kind), manifest)
    const file = await pack(join(from, kind), manifest)
    pins[`${kind}-${manifest.arch}`] = { file, digest: manifest.digest }
    const { size } = await stat(join(out, file))
    process.stdout.write(`${join(out, file)} ${(size / 1e6).toFixed(1)} MB ${manifest.digest}\n`)
  }
  await writeFile(join(out, 'pins.json'), toJson(pins))
  if (values.pin) await pinInto(join(packageRoot(), 'package.json'), pins)
} finally {
  await rm(work, { recursive: true, force: true })
}

async function buildInto(dir: string): Promise<string> {
  await build({
    what: KINDS,
    out: dir,
    cacheDir: cachePath(),
    release: !values.quick,
    ...(values.mirror ? { mirror: values.mirror } : {}),
    report: (line) => process.stderr.write(`${line}\n`),
  })
  return dir
}

/** Packs one artefact and returns the file's name in `out`. */
async function pack(artefact: string, manifest: Manifest): Promise<string> {
  const name = packageName(manifest.kind, manifest.arch)
  const dir = join(work, name)
  await mkdir(join(dir, 'artefact'), { recursive: true })
  for (const file of [...manifest.files.map((entry) => entry.name), 'manifest.json', 'SHA256SUMS'])
    await copyFile(join(artefact, file), join(dir, 'artefact', file))
  await writeFile(join(dir, 'package.json'), toJson(await describe(name, manifest)))
  await writeFile(join(dir, 'README.md'), readme(name, manifest))
  await writeFile(join(dir, 'LICENSES.md'), licences(manifest))
  await writeFile(join(dir, 'sbom.cdx.json'), toJson(artefactSbom(manifest)))
  // Nothing in it is a program of npm's concern: no scripts run, neither here nor where it is installed.
  await runChecked('image', 'npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', out], {
    cwd: dir,
  })
  return `${name}-${await ownVersion()}.tgz`
}

async function describe(name: string, manifest: Manifest): Promise<object> {
  return {
    name,
    version: await ownVersion(),
    description: TEXTS[manifest.kind],
    license: 'SEE LICENSE IN LICENSES.md',
    files: ['artefact', 'LICENSES.md', 'sbom.cdx.json'],
    tsmachine: { kind: manifest.kind, arch: manifest.arch, digest: manifest.digest },
  }
}

function readme(name: string, manifest: Manifest): string {
  return `# ${name}

${TEXTS[manifest.kind]}.

Install it beside \`tsmachine\` where none can be built (no apt): \`npm install tsmachine ${name}\`.
It is found by itself. Version ${manifest.version}, digest ${manifest.digest}.
`
}

/** What the licences of the parts ask a distributor to say. */
function licences(manifest: Manifest): string {
  const rows = manifest.packages.map(({ name, version, sha256 }) => `| ${name} | ${version} | ${sha256} |`)
  return `# Licences

The files in \`artefact/\` are made from the Debian packages below; each has its own licence (among them GPL-2, GPL-3,
LGPL-2.1, Apache-2.0, MIT and BSD). Their texts are in each package's \`/usr/share/doc/PACKAGE/copyright\`.
Programs and the C library's loader in the engine bundle are changed so that they find each other below
\`/opt/tsmachine\`; \`image-build/elf-relocate.ts\` of tsmachine is what changes them. Our own scripts are Apache-2.0.

The complete sources of exactly these versions are fetched by \`tsmachine image sources\`.

| package | version | SHA-256 |
|---|---|---|
${rows.join('\n')}
`
}

async function pinInto(file: string, pins: Record<string, ArtefactPin>): Promise<void> {
  const own = JSON.parse(await readFile(file, 'utf8')) as { tsmachine?: object }
  await writeFile(file, toJson({ ...own, tsmachine: { ...own.tsmachine, artefacts: pins } }))
}

async function ownVersion(): Promise<string> {
  const own = JSON.parse(await readFile(join(packageRoot(), 'package.json'), 'utf8')) as { version: string }
  return own.version
}

function toJson(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}
