/** Kinds of things that we make besides servers and firewalls, as records name them. */
export const SSH_KEY = 'ssh-key'
