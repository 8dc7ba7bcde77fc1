// Names of network namespaces. No addon.

/** A namespace as an order names it: a path of a namespace file, or null for home. */
export type NetnsPath = string | null
