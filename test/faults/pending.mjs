// Faults that are known, and whose mending is not in the tree yet: by the name of the fault, what is missing. They are
// told in the table and do not count. A line that is taken out here switches its fault on.

/** @type {Record<string, string>} */
export const PENDING = {}
