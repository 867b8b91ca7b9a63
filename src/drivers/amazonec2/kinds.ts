/** Kinds of things that we make besides servers and firewalls. */
export const KEY_PAIR = 'key-pair'
/** A key pair of docker-machine's: one machine's own, named after it. */
export const MACHINE_KEY = 'machine-key-pair'
/** A security group that the user named and that was not there. */
export const NAMED_GROUP = 'security-group'
export const TEMPLATE = 'launch-template'
export const VOLUME = 'volume'
