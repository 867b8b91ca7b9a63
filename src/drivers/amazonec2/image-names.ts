/** Which images a name stands for: whose they are and how they are called, never which one is the newest. */

/** EC2's names of what an instance type runs. */
export type Architecture = 'x86_64' | 'arm64'

export interface ImageName {
  /** Account number, or a word that EC2 knows. */
  readonly owner: string
  /** With `*` and `?`. */
  pattern(architecture: Architecture): string
  /** The user that the image itself makes. */
  readonly user: string
}

/** Accounts that Debian and Canonical name in their documentation. */
const DEBIAN = '136693071363'
const CANONICAL = '099720109477'
/** Both call the architectures as Debian does. */
const LABELS: Readonly<Record<Architecture, string>> = { x86_64: 'amd64', arm64: 'arm64' }

export function readImageName(name: string, owner: string): ImageName | { readonly fault: string } {
  const [, debian] = /^debian-(\d+)$/.exec(name) ?? []
  if (debian !== undefined)
    return {
      owner: owner || DEBIAN,
      pattern: (architecture) => `debian-${debian}-${LABELS[architecture]}-*`,
      user: 'admin',
    }
  const [, ubuntu] = /^ubuntu-(\d\d\.\d\d)$/.exec(name) ?? []
  if (ubuntu !== undefined)
    return {
      owner: owner || CANONICAL,
      pattern: (architecture) => `ubuntu/images/*ubuntu-*-${ubuntu}-${LABELS[architecture]}-server-*`,
      user: 'ubuntu',
    }
  if (owner === '')
    return {
      fault: `${JSON.stringify(name)} is neither debian-N nor ubuntu-YY.MM; for other images say whose they are with --amazonec2-image-owner`,
    }
  return { owner, pattern: () => name, user: 'ubuntu' }
}
