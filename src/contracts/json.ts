/** Values that survive a process boundary unchanged: configs, resources, events and errors are made of these. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/** A JSON object. */
export type JsonObject = { readonly [key: string]: Json }
