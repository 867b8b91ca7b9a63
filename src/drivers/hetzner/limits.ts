/** Bytes of user data that Hetzner takes. */
export const USER_DATA_LIMIT = 32 * 1024
