// Can this process make namespaces and pairs? Asked by tests, to skip with a reason, and by testbed.ts before
// it begins. Looks only; changes nothing. Who is not root is told of the sandbox, or what keeps it from working.

import { DEVICE, deviceRefusal } from '../sandbox/device.js'
import { sandboxObstacle } from '../sandbox/obstacle.js'
import { hasProgram, isConfined, missingCapabilities } from '../sandbox/place.js'

const PROGRAMS = ['ip', 'sh']

/** What is missing, and what to do about it, in one sentence; undefined when `withPair` can work here. */
export function available(): string | undefined {
  if (process.platform !== 'linux') return `uveth needs Linux; this is ${process.platform}`
  return missingCapability() ?? deviceRefusal() ?? missingProgram()
}

function missingCapability(): string | undefined {
  const missing = missingCapabilities('CapEff')
  if (missing.length === 0) return undefined
  const need = `network namespaces and pairs need CAP_${missing.join(' and CAP_')}`
  const obstacle = sandboxObstacle()
  if (obstacle === undefined)
    return `${need}: run the tests in a sandbox (npx uveth sandbox npm test), or as root`
  const flags = missing.map((name) => `--cap-add ${name}`).join(' ')
  const root = isConfined() ? `as root in a container with ${flags} --device ${DEVICE}` : 'as root (sudo)'
  return `${need}: run the tests ${root}, or in a sandbox (uveth sandbox) once this is mended: ${obstacle}`
}

function missingProgram(): string | undefined {
  const missing = PROGRAMS.find((name) => !hasProgram(name))
  return (
    missing && `there is no '${missing}' on the PATH: install iproute2 (Debian: apt-get install iproute2)`
  )
}
