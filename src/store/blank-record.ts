/** The parts of docker-machine's `config.json` that do not depend on the machine: its own first values, in its order. */
import { join } from 'node:path'
import {
  type AuthOptionsV3,
  DEFAULT_INSTALL_URL,
  type EngineOptionsV3,
  type JsonObject,
} from '../contracts/record.js'

/** Where a store keeps what a machine's record names. */
export interface RecordPlace {
  readonly name: string
  /** The machine's directory. */
  readonly dir: string
  /** Root of the store. */
  readonly root: string
}

export const ENGINE_OPTIONS: EngineOptionsV3 = {
  ArbitraryFlags: [],
  Dns: null,
  GraphDir: '',
  Env: [],
  Ipv6: false,
  InsecureRegistry: [],
  Labels: [],
  LogLevel: '',
  StorageDriver: '',
  SelinuxEnabled: false,
  TlsVerify: true,
  RegistryMirror: [],
  InstallURL: DEFAULT_INSTALL_URL,
}

export const SWARM_OPTIONS: JsonObject = {
  IsSwarm: false,
  Address: '',
  Discovery: '',
  Agent: false,
  Master: false,
  Host: 'tcp://0.0.0.0:3376',
  Image: 'swarm:latest',
  Strategy: 'spread',
  Heartbeat: 0,
  Overcommit: 0,
  ArbitraryFlags: [],
  ArbitraryJoinFlags: [],
  Env: null,
  IsExperimental: false,
}

/** Paths as docker-machine chooses them for a new machine. */
export function authOptionsAt({ root, dir }: RecordPlace): AuthOptionsV3 {
  const certs = join(root, 'certs')
  return {
    CertDir: certs,
    CaCertPath: join(certs, 'ca.pem'),
    CaPrivateKeyPath: join(certs, 'ca-key.pem'),
    CaCertRemotePath: '',
    ServerCertPath: join(dir, 'server.pem'),
    ServerKeyPath: join(dir, 'server-key.pem'),
    ClientKeyPath: join(certs, 'key.pem'),
    ServerCertRemotePath: '',
    ServerKeyRemotePath: '',
    ClientCertPath: join(certs, 'cert.pem'),
    ServerCertSANs: [],
    StorePath: dir,
  }
}
