// How pairs that a container runtime has had made (CNI) are known: by their ids, since their plugin keeps nothing. Used by
// cni/request.ts, which makes such ids, and by orders/state-file.ts. Loads nothing: the plugin has to start at once.

export const POD_PREFIX = 'cni-'
