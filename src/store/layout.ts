import { join } from 'node:path'

/** File names inside a machine directory. `STAGED` holds the next `config.json` while both files are replaced. */
export const CONFIG = 'config.json'
export const LEDGER = 'tsmachine.json'
export const STAGED = '.config.json.next'
/** docker-machine's name for the text of an old version, kept when the record is first written as version 3. */
export const BACKUP = 'config.json.bak'

/** What `env` answers, for shells to read by themselves (docs/shell.md). */
export const SHELL_ENV = 'shell-env'

/** Files that are the record itself, made of it, or beside it for a moment. */
export const RECORD_FILES: readonly string[] = [CONFIG, LEDGER, STAGED, BACKUP, SHELL_ENV]

/** Places of a store; docs/store-layout.md shows them all. */
export class StoreLayout {
  constructor(readonly root: string) {}

  get certsDir(): string {
    return join(this.root, 'certs')
  }

  get machinesDir(): string {
    return join(this.root, 'machines')
  }

  get removedDir(): string {
    return join(this.machinesDir, '.removed')
  }

  get locksDir(): string {
    return join(this.root, 'locks')
  }

  get secretsDir(): string {
    return join(this.root, 'secrets')
  }

  get idFile(): string {
    return join(this.root, 'id')
  }

  /** The computer on which the store got its id. */
  get homeFile(): string {
    return join(this.root, 'id-host')
  }

  get formerIdsFile(): string {
    return join(this.root, 'former-ids')
  }

  /** Ids of the machines that an import has begun to bring in. */
  get importNote(): string {
    return join(this.root, 'importing')
  }

  machineDir(name: string): string {
    return join(this.machinesDir, name)
  }

  /** Held by a verb for as long as it works on the machine. Outside the machine directory, so that `rm` can hold it. */
  machineLock(name: string): string {
    return join(this.locksDir, `${name}.lock`)
  }

  /** Held for the milliseconds in which a record's files are replaced. */
  writeLock(name: string): string {
    return join(this.locksDir, `${name}.writing`)
  }

  get caLock(): string {
    return join(this.locksDir, '.ca.lock')
  }
}

/** Whether a name can be that of a directory in `machines/`: no path parts, nothing hidden. */
export function isPlainName(name: string): boolean {
  return /^[^./\\\0][^/\\\0]*$/.test(name)
}
