// Where a driver of networks is found and keeps what it knows, unless it is told otherwise. Loads nothing: the command
// and its help say these, too.

/** The engine looks for the driver NAME at NAME.sock here. */
export const DOCKER_SOCKET = '/run/docker/plugins/uveth.sock'
/** File of wanted pairs; the file of networks stands beside it. */
export const DOCKER_STATE = '/var/lib/uveth/pairs.json'
